import { newer, wrap } from '../../../envoy-api/build.ts'
import type { Message } from '../../../envoy-api/types.ts'
import type { KeyPart, LimitRule } from '../../../model/limit-rule.ts'
import { expression } from '../../descriptor-actions.ts'
import { certificate, claim, requestHeader } from '../actions.ts'

/** Where a route says which policies each Envoy counts its requests for, and, for keys with the route, its name. */
export const namespace = 'weir.local_limits'
export const routeNamespace = 'weir.route'

/** An entry of a descriptor; without a value every value has a bucket of its own. */
export interface KeyEntry {
  key: string
  value?: string
}

/** Parts that a request may lack: of each descriptor there is one with them and one without. */
const optional: readonly KeyPart['kind'][] = ['header', 'query', 'jwt_claim', 'client_certificate']
export const mostOptional = 4

/**
 * Why Envoy cannot count by a part itself, if it cannot. A cookie it knows only as a whole line, which clients write in
 * any way they like; a parameter it looks for by its name with `+` as it stands.
 */
export function unsayable(part: KeyPart): string | undefined {
  if (part.kind === 'cookie') return 'Envoy cannot tell one cookie from the others'
  if (part.kind === 'consumer' || part.kind === 'plan') return 'Envoy does not know who calls'
  if (part.kind === 'query' && part.name.includes(' '))
    return 'Envoy does not find a parameter with a space in its name'
  return undefined
}

/** How many parts of a key a request may lack. */
export function optionalParts(key: readonly KeyPart[]): number {
  return key.filter(({ kind }) => optional.includes(kind)).length
}

/**
 * How Envoy says the key of a policy to itself (`envoy.config.route.v3.RateLimit`): nothing for requests of routes that do
 * not have the policy, nor, with `onMissing: skip`, for those without a part. Two keys of the service are never one here.
 */
export function rateLimit({ policy, key, onMissing }: LimitRule, cost: number): Message {
  const skip = onMissing !== 'skip'
  const actions = key.flatMap((part) => (part.kind === 'constant' ? [] : [action(part, skip)]))
  return {
    actions: [ofRoute('policy', namespace, policy), ...actions],
    ...(cost !== 1 && newer(routePackage, { hits_addend: { number: wrap(cost) } })),
  }
}

/** The descriptors that come of it: one, or with optional parts one for each combination of them. */
export function descriptors({ policy, key, onMissing }: LimitRule): KeyEntry[][] {
  let lists: KeyEntry[][] = [[{ key: 'policy', value: policy }]]
  for (const part of key) {
    if (part.kind === 'constant') continue
    const longer = lists.map((list) => [...list, { key: entryKey(part) }])
    lists = optional.includes(part.kind) && onMissing !== 'skip' ? longer.concat(lists) : longer
  }
  return lists
}

/** Envoy fixes the one of addresses. */
function entryKey(part: KeyPart): string {
  if (part.kind === 'client_ip') return 'masked_remote_address'
  return 'name' in part ? `${part.kind}:${part.name}` : part.kind
}

function action(part: Exclude<KeyPart, { kind: 'constant' }>, skip: boolean): Message {
  const key = entryKey(part)
  switch (part.kind) {
    case 'header':
      return requestHeader(part.name, key, skip)
    case 'query':
      return newer(routePackage, {
        query_parameters: { query_parameter_name: part.name, descriptor_key: key, skip_if_absent: skip },
      })
    case 'method':
      return requestHeader(':method', key, skip)
    case 'path':
      return expression(key, 'request.url_path', skip)
    case 'jwt_claim':
      return claim(part.name, key, skip)
    case 'client_certificate':
      return certificate(key, skip)
    case 'client_ip':
      return { masked_remote_address: { v4_prefix_mask_len: wrap(32), v6_prefix_mask_len: wrap(64) } }
    case 'route':
      return ofRoute(key, routeNamespace, 'name')
    default:
      throw new Error(`Envoy cannot count by a request's ${part.kind}`)
  }
}

const routePackage = 'envoy.config.route.v3'

/** What the route says; of one that says nothing there is no descriptor. */
function ofRoute(descriptor_key: string, key: string, field: string): Message {
  return {
    metadata: { descriptor_key, metadata_key: { key, path: [{ key: field }] }, source: 'ROUTE_ENTRY' },
  }
}
