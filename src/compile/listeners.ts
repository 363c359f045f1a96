import type { Message } from '../envoy-api/types.ts'
import type { GatewayContext } from '../policies/policy-kind.ts'
import { listener } from './listener.ts'
import type { Live } from './live.ts'
import { callersOf, forwardedTo } from './observing/callers.ts'
import type { Parts } from './parts.ts'
import { areSame } from './remembered.ts'
import { routeConfiguration } from './routing/route-configuration.ts'
import type { GatewayRoute } from './routing/routes-of.ts'

/** A listener of a gateway, and its routes, which come under a name of their own. */
export interface CompiledListener {
  readonly message: Message & { name: string }
  readonly configuration: Message & { name: string }
  readonly routes: readonly GatewayRoute[]
}

export function listenersOf(
  gateway: GatewayContext,
  routes: readonly GatewayRoute[],
  parts: Parts,
  live: Live,
): CompiledListener[] {
  const forwarded = parts.of('forwarded', [], forwardedTo, (a, b) => a.size === b.size && a.isSubsetOf(b))
  const names = parts.of('listeners', [gateway], () => gateway.spec.listeners.map(({ name }) => name))
  for (const prefix of ['listener/', 'own/', 'route/']) parts.keep(prefix, names)
  return gateway.spec.listeners.map((spec) => {
    const name = `${gateway.name}/${spec.name}`
    const callers = callersOf(forwarded, gateway.name, spec)
    const own = parts.of(
      `own/${spec.name}`,
      [gateway, routes],
      () => routes.filter(({ listeners }) => listeners.has(spec.name)),
      areSame,
    )
    return {
      message: parts.of(`listener/${spec.name}`, [gateway, callers], (state) =>
        listener(name, spec, gateway, state, live, callers),
      ),
      configuration: parts.of(`route/${spec.name}`, [gateway, own], () => ({
        ...routeConfiguration(name, gateway, own),
        name,
      })),
      routes: own,
    }
  })
}
