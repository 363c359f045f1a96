import type { Message } from '../envoy-api/types.ts'
import type { ClusterSpec } from '../model/cluster.ts'
import { find, type State } from '../model/state.ts'
import { policyKinds } from '../policies/index.ts'
import type { GatewayContext, PolicyKind } from '../policies/policy-kind.ts'
import type { Parts } from './parts.ts'
import type { Origin } from './provenance.ts'
import type { GatewayRoute } from './routing/routes-of.ts'

/** The configuration of a filter that comes by ECDS. */
export interface CompiledExtension {
  readonly name: string
  readonly message: Message
  readonly origins: readonly Origin[]
}

/** Where nothing listens, nobody asks for them. */
export function extensionsOf(
  gateway: GatewayContext,
  routes: readonly GatewayRoute[],
  parts: Parts,
  listens: boolean,
): CompiledExtension[] {
  if (!listens) return []
  return policyKinds.flatMap((kind) => {
    return parts.of(`extension/${kind.kind}`, [gateway, routes], (state) =>
      ofKind(kind, gateway, routes, state),
    )
  })
}

function ofKind(
  kind: PolicyKind,
  gateway: GatewayContext,
  routes: readonly GatewayRoute[],
  state: State,
): CompiledExtension[] {
  if (kind.extensions === undefined) return []
  const met = routes
    .filter(({ closed }) => !closed)
    .map(({ name, policies }) => ({
      name,
      policies: policies.filter((each) => each.kind === kind).flatMap(({ named }) => named),
    }))
  const context = { gateway, routes: met, hostOf: (cluster: string) => hostOf(state, cluster) }
  const names = new Set(met.flatMap(({ policies }) => policies.map(({ name }) => name)))
  const origins = [...names].map((name) => ({ kind: kind.kind, name }))
  return Object.entries(kind.extensions(context)).map(([name, typed_config]) => {
    return { name, message: { name, typed_config }, origins }
  })
}

function hostOf(state: State, cluster: string): string {
  const spec = find(state, 'Cluster', cluster)?.document.spec as ClusterSpec | undefined
  return spec?.tls?.sni ?? cluster
}
