import type { ClusterSpec } from './cluster.ts'
import type { GatewaySpec } from './gateway.ts'
import { parseGatewayReference } from './gateway-reference.ts'
import type { RouteSpec } from './route-spec.ts'
import { find, type State } from './state.ts'

/** A listener as `gateway/listener`. */
export type Place = string

/** A cluster that a route names. */
export interface Named {
  cluster: string
  /** Where it is named, from the document's root. */
  pointer: string
}

/** The clusters that get a route's requests. */
export function forwardedTo({ forward = [] }: Pick<RouteSpec, 'forward'>): Named[] {
  return forward.map(({ cluster }, index) => ({ cluster, pointer: `/spec/forward/${index}/cluster` }))
}

/** The clusters that get a route's requests, or copies of them. */
export function sentTo(spec: RouteSpec): Named[] {
  const { mirror } = spec
  if (mirror === undefined) return forwardedTo(spec)
  return [...forwardedTo(spec), { cluster: mirror.cluster, pointer: '/spec/mirror/cluster' }]
}

/** The listener that a cluster forwards to, if it is one of a tier. */
export function targetOf(state: State, cluster: string): Place | undefined {
  const spec = find(state, 'Cluster', cluster)?.document.spec as ClusterSpec | undefined
  return spec?.gateway === undefined ? undefined : `${spec.gateway.name}/${spec.gateway.listener}`
}

/** The listeners that a route is on. */
export function placesOf(state: State, gateways: readonly string[]): Place[] {
  return gateways.flatMap((text) => {
    const { gateway, listener } = parseGatewayReference(text)
    if (listener !== undefined) return [`${gateway}/${listener}`]
    const spec = find(state, 'Gateway', gateway)?.document.spec as GatewaySpec | undefined
    return (spec?.listeners ?? []).map(({ name }) => `${gateway}/${name}`)
  })
}
