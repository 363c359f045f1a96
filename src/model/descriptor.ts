import type { LimitRule, RequestPart } from './limit-rule.ts'

/**
 * How a limited request is described to the rate-limit service: one descriptor a policy, whose first entry is
 * `policy = <name>` and whose others carry what only Envoy knows of the request. The compiler writes Envoy's actions
 * and the service reads the entries by these functions, so that they cannot disagree. A request that lacks something
 * lacks the entry.
 */
export const policyEntry = 'policy'

/** The entry that carries a part of a request. A query parameter is read out of the path, a plan is its consumer's. */
export function entryKey(part: RequestPart): string {
  switch (part.kind) {
    case 'header':
      return `header:${part.name}`
    case 'jwt_claim':
      return `jwt_claim:${part.name}`
    case 'path':
    case 'query':
      return ':path'
    case 'method':
      return ':method'
    case 'client_ip':
      // Envoy fixes this entry key for its `remote_address` action.
      return 'remote_address'
    case 'plan':
      return 'consumer'
    case 'cookie':
    case 'consumer':
    case 'route':
    case 'client_certificate':
      return part.kind
  }
}

/** What of a request a rule looks at, one part an entry: for its key, its overrides, its plans and its cost. */
export function partsAsked({ key, overrides, plans, cost }: LimitRule): RequestPart[] {
  const parts = [
    ...key.filter((part) => part.kind !== 'constant'),
    ...overrides.map(({ part }) => part),
    ...(plans.size > 0 ? [{ kind: 'consumer' as const }] : []),
    ...(typeof cost === 'number' ? [] : [{ kind: 'header' as const, name: cost.header }]),
  ]
  return [...new Map(parts.map((part) => [entryKey(part), part])).values()]
}

/** By which the service tells Envoy's fault filter how many milliseconds a request waits (Envoy docs: fault filter, header_delay). */
export const delayHeader = 'x-envoy-fault-delay-request'

/** Entries that the service reads of a descriptor; the policy is one of them. Beyond it a client could switch it off. */
export const mostEntries = 64
export const mostPartsAsked = mostEntries - 1

/** The rate-limit domain of a gateway, the `domain` of its requests. */
export function domainOf(gateway: string): string {
  return gateway
}
