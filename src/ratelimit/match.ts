import { isIPv6 } from 'node:net'
import { entryKey, policyEntry } from '../model/descriptor.ts'
import type { KeyPart, LimitRule, Limits } from '../model/limit-rule.ts'
import type { PartValue } from './counter-key.ts'
import { ipv6Network } from './ipv6-network.ts'
import type { RateLimitDescriptor } from './messages.ts'

/** What a descriptor asks for: a rule with the values of its key, or a policy that is not there (any more). */
export type Match = { rule: LimitRule; values: PartValue[] } | { rule?: undefined; policy: string }

/** Reads a descriptor by the rules in force. A policy that was just removed is no longer a limit. */
export function match(limits: Limits, descriptor: RateLimitDescriptor): Match {
  const entries = new Map<string, string>()
  // Values are byte strings: latin1 keeps each byte, whatever it means.
  for (const { key, value } of descriptor.entries ?? [])
    entries.set(key ?? '', value?.toString('latin1') ?? '')
  const policy = entries.get(policyEntry) ?? ''
  const rule = limits.rules.get(policy)
  if (rule === undefined) return { policy }
  return { rule, values: rule.key.map((part) => partValue(part, entries)) }
}

function partValue(part: KeyPart, entries: ReadonlyMap<string, string>): PartValue {
  if (part.kind === 'constant') return part.value
  const value = entries.get(entryKey(part)!)
  if (part.kind === 'client_ip' && value !== undefined && isIPv6(value)) return ipv6Network(value)
  return value
}
