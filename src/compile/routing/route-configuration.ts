import { wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import { policyKinds } from '../../policies/index.ts'
import type { GatewayContext } from '../../policies/policy-kind.ts'
import { envoyRoutes } from './envoy-routes.ts'
import { compareHosts } from './hosts.ts'
import { inOrder, routesByHost } from './order.ts'
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
        inOrder(host, byHost).map((route) => compiledRoute(gateway, route)),
      ),
    ),
    ...everyRoute(gateway),
    request_headers_to_remove: policyKinds.flatMap(({ usedHeaders = [] }) => usedHeaders),
    ignore_port_in_host_matching: true,
    max_direct_response_body_size_bytes: wrap(maxBodyBytes),
    // A cluster may arrive a moment after the routes of a restarted Envoy; references are checked by the model.
    validate_clusters: wrap(false),
  }
}

function everyRoute(gateway: GatewayContext): Message {
  const merged = Object.assign({}, ...policyKinds.map((kind) => kind.everyRoute?.(gateway) ?? {}))
  return Object.keys(merged).length > 0 ? { typed_per_filter_config: merged } : {}
}

const known = new WeakMap<GatewayRoute, CompiledRoute>()

/** What a route is to Envoy. It follows from nothing but the route itself and its gateway, which is part of it. */
export function compiledRoute(gateway: GatewayContext, route: GatewayRoute): CompiledRoute {
  const made = known.get(route) ?? { route, messages: envoyRoutes(gateway, route) }
  known.set(route, made)
  return made
}
