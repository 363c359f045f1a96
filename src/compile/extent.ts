import type { Extent } from '../model/confirmation.ts'
import { effective } from '../model/effective.ts'
import { type EffectiveGateway, GatewaySpec } from '../model/gateway.ts'
import { find, type State } from '../model/state.ts'
import type { Reach } from './cluster/tier-endpoints.ts'
import { endpointsIn } from './most-lost.ts'
import { collectorsOf } from './observing/observing.ts'
import { routesOf } from './routing/routes-of.ts'

/**
 * How many routes a gateway serves, and how many endpoints its clusters have: those that its routes, their policies and
 * its own document send anything to. A gateway that is not there has nothing.
 */
export function extentOf(state: State, gatewayName: string, reach: Reach): Extent {
  const row = find(state, 'Gateway', gatewayName)
  if (row === undefined) return { routes: 0, endpoints: 0 }
  const spec = effective<EffectiveGateway>(GatewaySpec, row.document.spec)
  // Where requests go while a breaker is open does not count.
  const routes = routesOf(state, { name: gatewayName, spec }, new Map())
  const clusters = new Set([...routes.flatMap((route) => route.clusters), ...collectorsOf(spec)])
  const numbers = [...clusters].map((name) => endpointsIn(state, name, reach))
  return { routes: routes.length, endpoints: numbers.reduce((sum, number) => sum + number, 0) }
}
