import { typeUrls } from '../envoy-api/types.ts'
import type { Permit } from './exchange.ts'

/** What the order of sending depends on, for one type on one stream. */
export interface TypeView {
  /** A response is on its way. */
  readonly busy: boolean
  readonly upserts: boolean
  readonly removals: boolean
  /** The client rejected a version, so an older one is in force. */
  readonly parked: boolean
}

/** Requests that an Envoy which came back has not made yet, but will. */
export interface Awaited {
  readonly clusters: boolean
  readonly listeners: boolean
}

/** The order in which types are considered: clusters and endpoints come before what refers to them. */
export const sendingOrder: readonly string[] = [
  typeUrls.cluster,
  typeUrls.endpoints,
  typeUrls.listener,
  typeUrls.route,
]

/**
 * Make before break (xDS protocol, "Eventual consistency considerations"), decided anew each time from what is
 * pending and outstanding, so that no step can be forgotten by a reconnect:
 *
 * 1. Clusters and endpoints go at once. Endpoints do not wait for the clusters' ACK: Envoy holds it back until
 *    they arrive.
 * 2. Listeners and routes wait until every cluster is ACKed, which is when Envoy has warmed it. Routes follow
 *    listeners, but a listener that waits for its routes gets them.
 * 3. Clusters and endpoints are removed once no listener or route, old or refused, can still name them.
 *
 * Nobody waits in a circle: clusters wait for nothing, listeners for clusters, routes for listeners, removals
 * for all.
 */
export function permitFor(type: string, view: (type: string) => TypeView, awaited: Awaited): Permit {
  const [clusters, endpoints, listeners, routes] = [
    view(typeUrls.cluster),
    view(typeUrls.endpoints),
    view(typeUrls.listener),
    view(typeUrls.route),
  ]
  const warm = !awaited.clusters && !clusters.busy && !clusters.upserts && !endpoints.upserts
  switch (type) {
    case typeUrls.cluster:
    case typeUrls.endpoints:
      return { upserts: 'all', removals: !awaited.listeners && unneeded(listeners) && unneeded(routes) }
    case typeUrls.listener:
      return { upserts: warm ? 'all' : 'none', removals: warm }
    case typeUrls.route: {
      const listening = !listeners.busy && !listeners.upserts && !listeners.removals
      return {
        upserts: !warm ? 'none' : listening ? 'all' : 'waiting',
        removals: warm && listening && !listeners.parked,
      }
    }
    default:
      return { upserts: 'all', removals: true }
  }
}

/** True when what the client has of `user` cannot refer to anything that the snapshot lacks. */
function unneeded(user: TypeView): boolean {
  return !user.busy && !user.upserts && !user.removals && !user.parked
}
