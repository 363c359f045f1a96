import { createHash, createHmac } from 'node:crypto'
import type { LimitRule } from '../model/limit-rule.ts'

/** Value of a key part that the request lacks. No entry's value can be undefined, so no client can send it. */
export type PartValue = string | undefined

/** Headers whose values are credentials: they are never kept, shown or logged in the clear. */
const credentialHeaders = new Set(['authorization', 'proxy-authorization', 'cookie', 'x-api-key'])

/** Longer values are replaced by their hash, so that a counter's size does not depend on a client. */
const longestPlainValue = 64

/**
 * What all counters of a rule have in common: policy, algorithm and what is counted by, never the rule's numbers, so
 * that an edit of a limit keeps its usage and one of the key starts anew. Made once a rule.
 */
export function counterFamily({ policy, algorithm, key }: LimitRule): string {
  const parts = createHash('sha256').update(JSON.stringify(key)).digest('base64url').slice(0, 6)
  return `${policy}/${algorithm}/${parts}/`
}

/**
 * The identity of a counter: its family and the key's values, each with its length before it, so that `("a|b", "c")`
 * and `("a", "b|c")` are two keys. Values are byte strings (latin1); those of credentials, and long ones, are replaced
 * by a keyed hash of 128 bits.
 */
export function counterKey(
  family: string,
  rule: LimitRule,
  values: readonly PartValue[],
  hashKey: Buffer,
): string {
  const parts = values.map((value, index) => {
    if (value === undefined) return '-'
    const part = rule.key[index]
    const secret = part?.kind === 'header' && credentialHeaders.has(part.name)
    if (!secret && value.length <= longestPlainValue) return `${value.length}:${value}`
    return `#${createHmac('sha256', hashKey).update(value, 'latin1').digest('base64url').slice(0, 22)}`
  })
  return family + parts.join('')
}

/** The counter that new keys of a rule share when the store is full. */
export function overflowKey(family: string): string {
  return `${family}*`
}
