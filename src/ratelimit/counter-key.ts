import { createHmac } from 'node:crypto'
import type { LimitRule } from '../model/limit-rule.ts'

/** Value of a key part that the request lacks. No entry's value can be undefined, so no client can send it. */
export type PartValue = string | undefined

/** Headers whose values are credentials: they are never kept, shown or logged in the clear. */
const credentialHeaders = new Set(['authorization', 'proxy-authorization', 'cookie', 'x-api-key'])

/** Longer values are replaced by their hash, so that a counter's size does not depend on a client. */
const longestPlainValue = 64

/**
 * The identity of a counter: policy, algorithm and key values, each with its length before it, never the rule's
 * numbers. So `("a|b", "c")` and `("a", "b|c")` are two keys, and an edit of a limit keeps its usage.
 * Values are byte strings (latin1); those of credentials, and long ones, are replaced by a keyed hash of 128 bits.
 */
export function counterKey(rule: LimitRule, values: readonly PartValue[], hashKey: Buffer): string {
  const parts = values.map((value, index) => {
    if (value === undefined) return '-'
    const part = rule.key[index]
    const secret = part?.kind === 'header' && credentialHeaders.has(part.name)
    if (!secret && value.length <= longestPlainValue) return `${value.length}:${value}`
    return `#${createHmac('sha256', hashKey).update(value, 'latin1').digest('base64url').slice(0, 22)}`
  })
  return `${rule.policy}/${rule.algorithm}/${parts.join('')}`
}

/** The counter that new keys of a policy share when the store is full. */
export function overflowKey(rule: LimitRule): string {
  return `${rule.policy}/${rule.algorithm}/*`
}
