import { type Document, idOf } from '../../model/document.ts'
import { milliseconds } from '../../model/duration.ts'
import { effective } from '../../model/effective.ts'
import { type EffectiveGateway, GatewaySpec } from '../../model/gateway.ts'
import { parseGatewayReference } from '../../model/gateway-reference.ts'
import type { RouteSpec } from '../../model/route-spec.ts'

/** Fields that end a request that waits for its turn, on a route or on the listener that its requests come by. */
const fields = ['idleTimeout', 'maxStreamDuration'] as const

/** How long a request of a route may wait, and where that is written. */
export interface Patience {
  readonly field: (typeof fields)[number]
  readonly text: string
  readonly milliseconds: number
  readonly document: Document
  /** Absent where a default holds. */
  readonly pointer: string | undefined
}

/** What ends a waiting request of a route on one of its gateways; the shortest of its listeners counts. */
export function patienceOf(route: Document, gateway: Document | undefined): Patience[] {
  const spec = route.spec as RouteSpec
  const bound = (
    field: Patience['field'],
    text: string,
    document: Document,
    pointer: string | undefined,
  ) => ({
    ...{ field, text, document, pointer },
    milliseconds: milliseconds(text),
  })
  return fields.flatMap((field) => {
    const own = spec[field]
    if (own !== undefined) return [bound(field, own, route, `/spec/${field}`)]
    if (gateway === undefined) return []
    const written = (gateway.spec as GatewaySpec).listeners
    const { listeners } = effective<EffectiveGateway>(GatewaySpec, gateway.spec)
    const found = listeners.flatMap((listener, index) => {
      const text = listener[field]
      if (text === undefined || !isOn(spec, gateway.name, listener.name)) return []
      const pointer = written[index]![field] === undefined ? undefined : `/spec/listeners/${index}/${field}`
      return [bound(field, text, gateway, pointer)]
    })
    return (
      found.filter((each) => each.milliseconds > 0).sort((a, b) => a.milliseconds - b.milliseconds)[0] ?? []
    )
  })
}

/** What a problem says of it. */
export function patienceText(route: Document, { field, text }: Patience): string {
  return field === 'idleTimeout'
    ? `${idOf(route)} gives a request up that is idle for ${text}`
    : `${idOf(route)} ends a request after ${text}`
}

function isOn({ gateways }: RouteSpec, gateway: string, listener: string): boolean {
  return gateways.some((text) => {
    const named = parseGatewayReference(text)
    return named.gateway === gateway && (named.listener === undefined || named.listener === listener)
  })
}
