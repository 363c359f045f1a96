import { Type } from 'typebox'
import type { AdminContext } from './context.ts'
import { clipped, refusal } from './refusal.ts'

/** Parameters of URLs below `/v1/fleet/{node}`. */
export const nodeParams = Type.Object({ node: Type.String({ description: 'Its node id.' }) })

export const gatewayParameter = {
  gateway: Type.Optional(
    Type.String({ description: 'Its gateway, where Envoys of several have the same id.' }),
  ),
}

/** The gateway of the connected Envoys with this id; throws where there is none, or where it is not one. */
export function gatewayOf({ fleet }: AdminContext, id: string, wanted: string | undefined): string {
  const gateways = new Set(
    fleet()
      .filter((item) => item.state === 'connected' && item.id === id)
      .map((item) => item.gateway)
      .filter((each) => wanted === undefined || each === wanted),
  )
  if (gateways.size > 1) {
    const message = `Envoys of several gateways are called ${clipped(id)}: ${[...gateways].join(', ')}.`
    throw refusal('conflict', message, 'name one of them with ?gateway=')
  }
  const [only] = gateways
  if (only === undefined) throw notConnected(id)
  return only
}

/** Also where it left while it was asked. */
export function notConnected(id: string) {
  const message = `No Envoy called ${clipped(id)} is connected here.`
  return refusal('not_found', message, 'GET /v1/fleet lists those that are')
}
