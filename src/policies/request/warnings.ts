import type { Document } from '../../model/document.ts'
import { parseGatewayReference } from '../../model/gateway-reference.ts'
import type { Warning } from '../../model/pending.ts'
import type { RouteSpec } from '../../model/route-spec.ts'
import { bytes } from '../../model/size.ts'
import { all, find, type State } from '../../model/state.ts'
import type { RequestSpec } from './schema.ts'

/** Larger bodies than the gateway's are allowed in vain. */
export function warnings({ kind, name, spec }: Document, state: State): Warning[] {
  const { maxBytes } = spec as RequestSpec
  if (maxBytes === undefined) return []
  const smaller = gatewaysOf(name, state).flatMap((gateway) => {
    const bound = find(state, 'Gateway', gateway)?.document.spec.maxRequestBytes as string | undefined
    return bound !== undefined && bytes(bound) < bytes(maxBytes) ? [{ gateway, bound }] : []
  })
  return smaller.map(({ gateway, bound }) => ({
    ...{ kind, name, pointer: '/spec/maxBytes' },
    message: `is more than Gateway/${gateway} lets pass`,
    effect: `bodies of more than ${bound} get a 413 there`,
  }))
}

function gatewaysOf(policy: string, state: State): string[] {
  const specs = all(state, 'Route').map(({ document }) => document.spec as RouteSpec)
  const naming = specs.filter(({ request }) => request === policy)
  return [
    ...new Set(naming.flatMap(({ gateways }) => gateways.map((text) => parseGatewayReference(text).gateway))),
  ].sort()
}
