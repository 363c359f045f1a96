import { wrap } from '../envoy-api/build.ts'
import type { Message } from '../envoy-api/types.ts'
import { compareNames } from '../model/state.ts'
import type { GatewayContext, RouteContribution } from '../policies/policy-kind.ts'
import { compareHosts, widening } from './hosts.ts'
import type { GatewayRoute } from './routes-of.ts'

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
  const compiled = new Map(routes.map((route) => [route.name, envoyRoute(gateway, route)]))
  return {
    name,
    virtual_hosts: hosts.map((host) => ({
      name: host,
      domains: [host],
      routes: inOrder(host, byHost).map((route) => compiled.get(route.name)!),
    })),
    ignore_port_in_host_matching: true,
    // A cluster may arrive a moment after the routes of a restarted Envoy; references are checked by the model.
    validate_clusters: wrap(false),
  }
}

/** The routes of each host, in the order in which they are tried. */
function routesByHost(routes: readonly GatewayRoute[]): Map<string, GatewayRoute[]> {
  const byHost = new Map<string, GatewayRoute[]>()
  for (const route of [...routes].sort(compareRoutes)) {
    for (const host of new Set(route.spec.hosts)) {
      const own = byHost.get(host)
      if (own === undefined) byHost.set(host, [route])
      else own.push(route)
    }
  }
  return byHost
}

/** The routes that a request to `host` may meet: its own, then those of each wider host that it has not met yet. */
function inOrder(host: string, byHost: ReadonlyMap<string, GatewayRoute[]>): GatewayRoute[] {
  return [...new Set(widening(host).flatMap((level) => byHost.get(level) ?? []))]
}

/**
 * Higher priority first, then exact paths, longer prefixes, regexes, then by name: independent of the order of writing.
 */
function compareRoutes(a: GatewayRoute, b: GatewayRoute): number {
  return b.spec.priority - a.spec.priority || comparePaths(a, b) || compareNames(a.name, b.name)
}

function comparePaths(a: GatewayRoute, b: GatewayRoute): number {
  return pathRank(a) - pathRank(b) || segments(b).length - segments(a).length
}

function pathRank({ spec }: GatewayRoute): number {
  const { exact, regex } = spec.match.path
  return exact !== undefined ? 0 : regex !== undefined ? 2 : 1
}

/** A prefix without its trailing slash: `/fly/` means what `/fly` means, and `/` is the empty one. */
function segments({ spec }: GatewayRoute): string {
  return (spec.match.path.prefix ?? '').replace(/\/+$/, '')
}

function pathMatch(route: GatewayRoute): Message {
  const { exact, regex } = route.spec.match.path
  if (exact !== undefined) return { path: exact }
  if (regex !== undefined) return { safe_regex: { regex } }
  const prefix = segments(route)
  return prefix === '' ? { prefix: '/' } : { path_separated_prefix: prefix }
}

function envoyRoute(gateway: GatewayContext, route: GatewayRoute): Message {
  const match = pathMatch(route)
  if (route.closed) return { name: route.name, match, direct_response: { status: 503 } }
  const contributions = route.policies
    .filter(({ named }) => named.length > 0)
    .map(({ kind, named }) => kind.route?.({ gateway, route, policies: named }) ?? {})
  return {
    name: route.name,
    match,
    route: { ...target(route), ...rateLimits(contributions) },
    ...perFilterConfig(contributions),
  }
}

function target({ spec }: GatewayRoute): Message {
  const forward = spec.forward ?? []
  if (forward.length === 1) return { cluster: forward[0]!.cluster }
  const clusters = forward.map(({ cluster, weight }) => ({ name: cluster, weight: wrap(weight ?? 1) }))
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
