import type { Document } from '../model/document.ts'
import type { Kind } from '../model/kind.ts'
import { failsClosed, type Warning } from '../model/pending.ts'
import { find, type State } from '../model/state.ts'
import type { PolicyKind } from './policy-kind.ts'

/** The kinds whose writers are also told what the policies do that a route, or a cluster, names. */
export function warnedOfPolicies(kind: Kind, policyKinds: readonly PolicyKind[]): Kind {
  const more = moreWarnings(kind, policyKinds)
  if (more === undefined) return kind
  return {
    ...kind,
    warnings: (document, state) => [...(kind.warnings?.(document, state) ?? []), ...more(document, state)],
  }
}

function moreWarnings(kind: Kind, policyKinds: readonly PolicyKind[]): Kind['warnings'] {
  if (kind.kind === 'Cluster')
    return (document, state) => policyKinds.flatMap((each) => each.clusterWarnings?.(document, state) ?? [])
  if (kind.kind !== 'Route') return undefined
  return (document, state) => [
    ...closedBy(kind, document, policyKinds, state),
    ...policyKinds.flatMap((each) => each.routeWarnings?.(document, state) ?? []),
  ]
}

/** A policy has a part that must not be left out, and is not delivered yet. */
function closedBy(
  route: Kind,
  { kind, name, spec }: Document,
  policyKinds: readonly PolicyKind[],
  state: State,
): Warning[] {
  return route.references(spec as never).flatMap((reference) => {
    const policyKind = policyKinds.find((each) => each.kind === reference.kind)
    const policy = find(state, reference.kind, reference.name)?.document
    if (policyKind === undefined || policy === undefined) return []
    if (!failsClosed(policyKind.spec, policy.spec)) return []
    const message = `${reference.kind}/${reference.name} has a part that is not delivered to Envoy yet`
    return [{ kind, name, pointer: reference.pointer, message, effect: 'every request gets a 503' }]
  })
}
