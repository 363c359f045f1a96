import { groupByKeys } from '../../model/by-keys.ts'
import { compareRoutes } from '../../model/route-order.ts'
import { widening } from './hosts.ts'
import type { GatewayRoute } from './routes-of.ts'

/** The routes of each host, in the order in which they are tried. */
export function routesByHost(routes: readonly GatewayRoute[]): Map<string, GatewayRoute[]> {
  return groupByKeys([...routes].sort(compareRoutes), ({ spec }) => new Set(spec.hosts))
}

/** The routes that a request to `host` may meet: its own, then those of each wider host that it has not met yet. */
export function inOrder(host: string, byHost: ReadonlyMap<string, GatewayRoute[]>): GatewayRoute[] {
  return [...new Set(widening(host).flatMap((level) => byHost.get(level) ?? []))]
}
