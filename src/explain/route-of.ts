import { strictBreakers } from '../compile/breakers.ts'
import { widening } from '../compile/routing/hosts.ts'
import { inOrder, routesByHost } from '../compile/routing/order.ts'
import { compiledRoute } from '../compile/routing/route-configuration.ts'
import { type GatewayRoute, routesOf } from '../compile/routing/routes-of.ts'
import type { Message } from '../envoy-api/types.ts'
import type { State } from '../model/state.ts'
import type { GatewayContext } from '../policies/policy-kind.ts'
import type { AskedRequest } from './asked-request.ts'
import { takes } from './envoy-match.ts'

/** The route that a request meets. */
export interface Met {
  route: GatewayRoute
  /** The Envoy route of it that takes the request: one may have several (preflights, parts of a sticky split). */
  message: Message
}

/** Which route takes a request on a listener of a gateway, if any does (docs/routing.md). Pure. */
export function routeOf(
  state: State,
  gateway: GatewayContext,
  listener: string,
  request: AskedRequest,
): Met | undefined {
  const host = request.host.toLowerCase().replace(/:\d+$/, '')
  const levels = new Set(widening(host))
  const possible = routesOf(state, gateway, strictBreakers(state)).filter(
    (route) => route.listeners.has(listener) && route.spec.hosts.some((each) => levels.has(each)),
  )
  for (const route of inOrder(host, routesByHost(possible))) {
    const message = compiledRoute(gateway, route).messages.find(({ match }) =>
      takes(match as Message, request),
    )
    if (message !== undefined) return { route, message }
  }
  return undefined
}
