import { wrap } from '../envoy-api/build.ts'
import type { Message } from '../envoy-api/types.ts'
import { compareNames } from '../model/state.ts'
import type { GatewayContext, RouteContribution } from '../policies/policy-kind.ts'
import { compareHosts, covers } from './hosts.ts'
import type { GatewayRoute } from './routes-of.ts'

/**
 * The routes of one listener. Envoy picks one virtual host and never falls back to a wider one, so each has
 * its own routes first and then those of every wider host, most specific first (interface: Routing).
 */
export function routeConfiguration(
  name: string,
  gateway: GatewayContext,
  routes: readonly GatewayRoute[],
): Message {
  const hosts = [...new Set(routes.flatMap(({ spec }) => spec.hosts))].sort(compareHosts)
  const compiled = new Map(routes.map((route) => [route.name, envoyRoute(gateway, route)]))
  return {
    name,
    virtual_hosts: hosts.map((host) => ({
      name: host,
      domains: [host],
      routes: inOrder(host, hosts, routes).map((route) => compiled.get(route.name)!),
    })),
    ignore_port_in_host_matching: true,
    // A cluster may arrive a moment after the routes of a restarted Envoy; references are checked by the model.
    validate_clusters: wrap(false),
  }
}

/** The routes that a request to `host` may meet, in the order in which they are tried. */
function inOrder(host: string, hosts: readonly string[], routes: readonly GatewayRoute[]): GatewayRoute[] {
  const wider = hosts.filter((other) => covers(other, host))
  const seen = new Set<string>()
  return wider.flatMap((level) => {
    const own = routes.filter((route) => route.spec.hosts.includes(level) && !seen.has(route.name))
    for (const route of own) seen.add(route.name)
    return own.sort(compareRoutes)
  })
}

/** Longest prefix first, then by name: independent of the order of writing. */
function compareRoutes(a: GatewayRoute, b: GatewayRoute): number {
  const [left, right] = [segments(a.spec.match.path.prefix), segments(b.spec.match.path.prefix)]
  return right.length - left.length || compareNames(a.name, b.name)
}

/** A prefix without its trailing slash: `/fly/` means what `/fly` means, and `/` is the empty one. */
function segments(prefix: string): string {
  return prefix.replace(/\/+$/, '')
}

function envoyRoute(gateway: GatewayContext, route: GatewayRoute): Message {
  const contributions = route.policies
    .filter(({ named }) => named.length > 0)
    .map(({ kind, named }) => kind.route({ gateway, route, policies: named }))
  return {
    name: route.name,
    match: pathMatch(route.spec.match.path.prefix),
    route: { ...target(route), ...rateLimits(contributions) },
    ...perFilterConfig(contributions),
  }
}

function pathMatch(prefix: string): Message {
  const path = segments(prefix)
  return path === '' ? { prefix: '/' } : { path_separated_prefix: path }
}

function target({ spec }: GatewayRoute): Message {
  if (spec.forward.length === 1) return { cluster: spec.forward[0]!.cluster }
  const clusters = spec.forward.map(({ cluster, weight }) => ({ name: cluster, weight: wrap(weight!) }))
  return { weighted_clusters: { clusters } }
}

function rateLimits(contributions: readonly RouteContribution[]): Message {
  const all = contributions.flatMap((contribution) => contribution.rateLimits ?? [])
  return all.length > 0 ? { rate_limits: all } : {}
}

function perFilterConfig(contributions: readonly RouteContribution[]): Message {
  const merged = Object.assign({}, ...contributions.map((contribution) => contribution.perFilterConfig ?? {}))
  return Object.keys(merged).length > 0 ? { typed_per_filter_config: merged } : {}
}
