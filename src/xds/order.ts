import { typeUrls } from '../envoy-api/types.ts'
import type { Permit } from './exchange.ts'

/** What the order of sending depends on, for one type on one stream. */
export interface TypeView {
  /** A response is on its way. */
  readonly busy: boolean
  readonly upserts: boolean
  /** Shrinks are among these. */
  readonly removals: boolean
  /** The client rejected a version, so an older one is in force. */
  readonly parked: boolean
}

/** Requests that an Envoy which came back has not made yet, but will. */
export interface Awaited {
  readonly clusters: boolean
  readonly listeners: boolean
  readonly routes: boolean
}

/** The order in which types are considered: what is referred to comes before what refers to it. */
export const sendingOrder: readonly string[] = [
  typeUrls.cluster,
  typeUrls.endpoints,
  typeUrls.secret,
  typeUrls.extension,
  typeUrls.listener,
  typeUrls.route,
]

/**
 * Make before break (xDS protocol, "Eventual consistency considerations"), decided anew each time from what is
 * pending and outstanding, so that no step can be forgotten by a reconnect:
 *
 * 1. Clusters, endpoints and secrets go at once. Endpoints and secrets do not wait for the clusters' ACK: Envoy holds
 *    it back until they arrive.
 * 2. Extensions, listeners and routes wait until every cluster is ACKed, which is when Envoy has warmed it. Listeners
 *    follow the secrets and extensions that Envoy has, and routes follow listeners, but what waits for a name gets it.
 * 3. Secrets are removed once no cluster or listener, old or refused, can still name them, extensions once no listener or
 *    route can, and clusters and endpoints once nothing can. An extension that changes first grows by what is new, and
 *    loses what is old, which routes name, at the time of removals (`growth.ts`).
 *
 * Nobody waits in a circle: clusters and secrets wait for nothing, extensions for clusters, listeners for these, routes
 * for listeners, removals for all.
 */
export function permitFor(type: string, view: (type: string) => TypeView, awaited: Awaited): Permit {
  const [clusters, endpoints, secrets, extensions, listeners, routes] = [
    view(typeUrls.cluster),
    view(typeUrls.endpoints),
    view(typeUrls.secret),
    view(typeUrls.extension),
    view(typeUrls.listener),
    view(typeUrls.route),
  ]
  const warm = !awaited.clusters && !clusters.busy && !clusters.upserts && !endpoints.upserts
  const equipped = warm && !secrets.upserts && !extensions.upserts
  const unlistened = !awaited.listeners && unneeded(listeners)
  const unrouted = !awaited.routes && unneeded(routes)
  switch (type) {
    case typeUrls.cluster:
    case typeUrls.endpoints:
      return { upserts: 'all', removals: unlistened && unrouted && unneeded(extensions) }
    case typeUrls.secret:
      return { upserts: 'all', removals: unlistened && !awaited.clusters && unneeded(clusters) }
    case typeUrls.extension:
      return { upserts: warm ? 'all' : 'none', removals: warm && unlistened && unrouted }
    case typeUrls.listener:
      return { upserts: equipped ? 'all' : 'none', removals: equipped }
    case typeUrls.route: {
      const listening = !listeners.busy && !listeners.upserts && !listeners.removals
      return {
        upserts: !equipped ? 'none' : listening ? 'all' : 'waiting',
        removals: equipped && listening && !listeners.parked,
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
