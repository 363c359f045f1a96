import { createHash } from 'node:crypto'
import type { LimitRule } from '../../model/limit-rule.ts'
import type { PartValue } from '../request/request-values.ts'
import type { CounterId } from './counter-id.ts'
import { type SipKey, sipHash128 } from './sip-hash.ts'

/**
 * What all counters of a rule have in common, as 16 bytes: policy, algorithm and what is counted by; never the numbers,
 * so that an edit of a limit keeps its usage and one of the key starts anew.
 */
export type Family = Buffer

export function counterFamily({ policy, numbers, key }: LimitRule): Family {
  return createHash('sha256')
    .update(JSON.stringify([policy, numbers.algorithm, key]))
    .digest()
    .subarray(0, 16)
}

/** Room that the hash itself needs behind its input. */
const room = 8
let scratch = Buffer.alloc(4_096)

/**
 * The identity of a counter: its family and the key's values, each with its length before it, so that `("a|b", "c")`
 * and `("a", "b|c")` are two keys. A missing value has the length 0, and others one more than theirs.
 */
export function counterId(key: SipKey, family: Family, values: readonly PartValue[]): CounterId {
  let length = family.length
  for (const value of values) length += 4 + (value?.length ?? 0)
  if (length + room > scratch.length) scratch = Buffer.alloc(2 * (length + room))
  family.copy(scratch)
  let at = family.length
  for (const value of values) {
    at = scratch.writeUInt32LE(value === undefined ? 0 : value.length + 1, at)
    if (value !== undefined) at += scratch.write(value, at, 'latin1')
  }
  const { a, b, c, d } = sipHash128(key, scratch, at)
  // As text it would begin with a dash, which commands take for an option.
  return { a: a >>> 26 === 0b111110 ? a ^ 0x8000_0000 : a, b, c, d }
}

/** The counter that new keys of a rule share when the store is full: no key has so few values. */
export function overflowId(key: SipKey, family: Family): CounterId {
  return counterId(key, family, [])
}
