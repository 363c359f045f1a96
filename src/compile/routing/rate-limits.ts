import type { GatewayContext, RouteLimit } from '../../policies/policy-kind.ts'
import type { GatewayRoute } from './routes-of.ts'

/**
 * What Envoy asks the rate-limit service about a request of the route, in the order of the descriptors of a stage:
 * nothing where no request is forwarded, since Envoy asks there of none.
 */
export function rateLimitsOf(gateway: GatewayContext, route: GatewayRoute): RouteLimit[] {
  if (route.closed) return []
  return route.policies
    .filter(({ named }) => named.length > 0)
    .flatMap(({ kind, named }) => kind.rateLimits?.({ gateway, route, policies: named }) ?? [])
}
