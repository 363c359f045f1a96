import { isIP } from 'node:net'
import type { Announcement } from '../../model/announcement.ts'
import type { ClusterSpec } from '../../model/cluster.ts'
import type { EffectiveEndpoint } from '../../model/endpoint.ts'
import type { GatewaySpec } from '../../model/gateway.ts'
import { isLoopbackIp, isWildcardIp } from '../../model/ip.ts'
import type { Listener } from '../../model/listener.ts'
import { all, compareNames, find, type State } from '../../model/state.ts'
import type { Live } from '../live.ts'

/** What decides on where the Envoys of a gateway are reached. */
export type EnvoyPlaces = Pick<Live, 'announced' | 'listenerAddress'>

/** As many as a cluster may have by its document: what Envoys announce is not bounded by what users write. */
const maxEndpoints = 10_000

/** The clusters that forward to one of these gateways, by name. */
export function tierClusters(state: State, gateways: ReadonlySet<string>): string[] {
  if (gateways.size === 0) return []
  return all(state, 'Cluster').flatMap(({ document }) => {
    const target = (document.spec as ClusterSpec).gateway
    return target !== undefined && gateways.has(target.name) ? [document.name] : []
  })
}

/**
 * Where the Envoys of another gateway take requests for one of its listeners: an address once, whoever announced it,
 * in an order that does not depend on who came first.
 */
export function tierEndpoints(
  state: State,
  target: { name: string; listener: string },
  places: EnvoyPlaces,
): EffectiveEndpoint[] {
  const row = find(state, 'Gateway', target.name)
  const listener = (row?.document.spec as GatewaySpec | undefined)?.listeners.find(
    ({ name }) => name === target.listener,
  )
  if (listener === undefined) return []
  const envoys = places.announced.get(target.name) ?? []
  const addresses = new Set(envoys.flatMap((envoy) => reachedAt(listener, envoy, places.listenerAddress)))
  return [...addresses]
    .sort(compareNames)
    .slice(0, maxEndpoints)
    .map((address) => ({ address, port: listener.port, weight: 1, priority: 0, draining: false }))
}

/**
 * Announced addresses count as they are, since they may be those of a NAT before the Envoy; of a listener on every
 * address of a family, those of that family. An Envoy that announced none is where its listener is bound, else where
 * its stream comes from.
 */
function reachedAt(
  { address }: Listener,
  { addresses, peer }: Announcement,
  listenerAddress: string,
): readonly string[] {
  const bound = address ?? listenerAddress
  const known = addresses.length > 0 ? addresses : [peer]
  if (isWildcardIp(bound)) return known.filter((each) => isIP(each) === isIP(bound))
  if (addresses.length > 0) return addresses
  // A loopback address is that of this machine, and such an Envoy is on another one: nobody reaches it.
  return isLoopbackIp(bound) && !isLoopbackIp(peer) ? [] : [bound]
}
