import { any, encodedAny } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import { areSame, Remembered } from '../remembered.ts'
import { longList, prefixMap } from './prefix-map.ts'
import type { GatewayRoute } from './routes-of.ts'

/** Our routes and what they are to Envoy. */
export interface CompiledRoute {
  readonly route: GatewayRoute
  readonly messages: readonly Message[]
}

const remembered = new Remembered<Message>()

/** One host with its routes: the very same message while all of them are the same, so that it is not encoded again. */
export function virtualHost(host: string, routes: readonly CompiledRoute[]): Message {
  const [first] = routes
  return first === undefined
    ? hostMessage(host, routes)
    : remembered.of(first, host, routes, () => hostMessage(host, routes))
}

/**
 * One host with its routes, in the order in which they are tried. Envoy goes through a list one by one, so that a long
 * one becomes a map from beginnings of the path to short lists (Envoy docs: VirtualHost.matcher).
 */
function hostMessage(host: string, routes: readonly CompiledRoute[]): Message {
  const named = { name: host, domains: [host] }
  if (routes.length < longList) return { ...named, routes: routes.flatMap(({ messages }) => messages) }
  const map = [...prefixMap(routes)].map(([key, list]) => {
    return [key, { action: { name: 'routes', typed_config: routeList(list) } }] as const
  })
  return {
    ...named,
    matcher: {
      matcher_tree: {
        input: {
          name: 'path',
          typed_config: any('envoy.type.matcher.v3.HttpRequestHeaderMatchInput', { header_name: ':path' }),
        },
        prefix_match_map: { map: Object.fromEntries(map) },
      },
    },
  }
}

const known = new WeakMap<CompiledRoute, { routes: readonly CompiledRoute[]; list: Message }>()

/** Most lists are those of the compile before: an edit costs the encoding of the lists that have the route. */
function routeList(routes: readonly CompiledRoute[]): Message {
  const first = routes[0]
  const before = first === undefined ? undefined : known.get(first)
  if (before !== undefined && areSame(before.routes, routes)) return before.list
  const messages = routes.flatMap(({ messages }) => messages)
  const list = encodedAny('envoy.config.route.v3.RouteList', { routes: messages })
  if (first !== undefined) known.set(first, { routes, list })
  return list
}
