import type { KeyPart } from './limit-rule.ts'

/**
 * How a limited request is described to the rate-limit service: one descriptor a policy, whose first entry is
 * `policy = <name>` and whose others carry the values of the key parts that only Envoy knows. The compiler writes
 * Envoy's actions and the service reads the entries by these functions, so that they cannot disagree.
 */
export const policyEntry = 'policy'

/** Envoy fixes this entry key for its `remote_address` action. */
const clientIpEntry = 'remote_address'

/** The entry that carries a key part's value; a constant needs none, the rule has it. */
export function entryKey(part: KeyPart): string | undefined {
  switch (part.kind) {
    case 'header':
      return `header:${part.name}`
    case 'client_ip':
      return clientIpEntry
    case 'constant':
      return undefined
  }
}

/** The rate-limit domain of a gateway, the `domain` of its requests. */
export function domainOf(gateway: string): string {
  return gateway
}
