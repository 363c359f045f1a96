import type { Document } from '../../model/document.ts'
import type { Warning } from '../../model/pending.ts'
import type { RouteSpec } from '../../model/route-spec.ts'
import { all, find, type State } from '../../model/state.ts'
import type { AuthSpec } from './schema.ts'

/** What a policy does to the routes that name it. */
export function warnings({ name }: Document, state: State): Warning[] {
  return all(state, 'Route')
    .filter(({ document }) => (document.spec as RouteSpec).auth?.includes(name))
    .flatMap(({ document }) => routeWarnings(document, state))
}

/** A token is of one issuer, so that nobody meets two policies that believe different ones. */
export function routeWarnings({ kind, name, spec }: Document, state: State): Warning[] {
  const { auth = [] } = spec as RouteSpec
  const asking = auth.flatMap((policy, index) => {
    const issuer = issuerAskedFor(policy, state)
    return issuer === undefined ? [] : [{ policy, index, issuer }]
  })
  const [first, ...others] = asking
  return others
    .filter(({ issuer }) => issuer !== first!.issuer)
    .slice(0, 1)
    .map(({ policy, index }) => ({
      ...{ kind, name, pointer: `/spec/auth/${index}` },
      message: `AuthPolicy/${policy} asks for a token of another issuer than AuthPolicy/${first!.policy}`,
      effect: 'no token is of both, so that every request is refused',
    }))
}

function issuerAskedFor(policy: string, state: State): string | undefined {
  const { jwt, mode } = (find(state, 'AuthPolicy', policy)?.document.spec ?? {}) as AuthSpec
  return mode === 'shadow' ? undefined : jwt?.issuer
}
