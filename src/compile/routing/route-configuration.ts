import { wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import { groupByKeys } from '../../model/by-keys.ts'
import { compareRoutes } from '../../model/route-order.ts'
import type { GatewayContext } from '../../policies/policy-kind.ts'
import { envoyRoutes } from './envoy-routes.ts'
import { compareHosts, widening } from './hosts.ts'
import type { GatewayRoute } from './routes-of.ts'
import { type CompiledRoute, virtualHost } from './virtual-host.ts'

/** What an answer's body may take: 4,096 characters of up to four bytes. */
const maxBodyBytes = 4 * 4_096

/**
 * The routes of one listener. Envoy picks one virtual host and never falls back to a wider one, so each has
 * its own routes first and then those of every wider host, most specific first (docs/routing.md).
 */
export function routeConfiguration(
  name: string,
  gateway: GatewayContext,
  routes: readonly GatewayRoute[],
): Message {
  const byHost = routesByHost(routes)
  const hosts = [...byHost.keys()].sort(compareHosts)
  return {
    name,
    virtual_hosts: hosts.map((host) =>
      virtualHost(
        host,
        inOrder(host, byHost).map((route) => compiled(gateway, route)),
      ),
    ),
    ignore_port_in_host_matching: true,
    max_direct_response_body_size_bytes: wrap(maxBodyBytes),
    // A cluster may arrive a moment after the routes of a restarted Envoy; references are checked by the model.
    validate_clusters: wrap(false),
  }
}

const known = new WeakMap<GatewayRoute, CompiledRoute>()

/** A route follows from nothing but itself and its gateway, which is part of it. */
function compiled(gateway: GatewayContext, route: GatewayRoute): CompiledRoute {
  const made = known.get(route) ?? { route, messages: envoyRoutes(gateway, route) }
  known.set(route, made)
  return made
}

/** The routes of each host, in the order in which they are tried. */
function routesByHost(routes: readonly GatewayRoute[]): Map<string, GatewayRoute[]> {
  return groupByKeys([...routes].sort(compareRoutes), ({ spec }) => new Set(spec.hosts))
}

/** The routes that a request to `host` may meet: its own, then those of each wider host that it has not met yet. */
function inOrder(host: string, byHost: ReadonlyMap<string, GatewayRoute[]>): GatewayRoute[] {
  return [...new Set(widening(host).flatMap((level) => byHost.get(level) ?? []))]
}
