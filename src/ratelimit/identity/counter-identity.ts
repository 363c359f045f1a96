import { createHash } from 'node:crypto'
import type { LimitNumbers, LimitRule } from '../../model/limit-rule.ts'
import type { PartValue } from '../request/request-values.ts'
import type { CounterId } from './counter-id.ts'
import { type SipKey, sipHash128, sipInput } from './sip-hash.ts'

/** Room that the hash itself needs behind its input. */
const room = 8

/** Hashes the values of keys, by a key that all replicas have. Keys themselves are kept nowhere. */
export interface KeyHasher {
  /**
   * Each value has its length before it, so that `("a|b", "c")` and `("a", "b|c")` are two keys. A missing value has the
   * length 0, and others one more than theirs.
   */
  hash(values: readonly PartValue[]): CounterId
  /** What no key has: the hash of no values at all. */
  readonly none: CounterId
}

export function createKeyHasher(key: SipKey): KeyHasher {
  let scratch = sipInput(4_096)

  function hash(values: readonly PartValue[]): CounterId {
    let length = 0
    for (const value of values) length += 4 + (value?.length ?? 0)
    if (length + room > scratch.bytes.length) scratch = sipInput(2 * (length + room))
    const { bytes } = scratch
    let at = 0
    for (const value of values) {
      at = bytes.writeUInt32LE(value === undefined ? 0 : value.length + 1, at)
      if (value !== undefined) at += bytes.write(value, at, 'latin1')
    }
    return sipHash128(key, scratch, at)
  }

  return { hash, none: hash([]) }
}

/**
 * What all counters of a rule have in common: policy, algorithm and what is counted by; never the numbers, so that an
 * edit of a limit keeps its usage and one of the key starts anew.
 */
export function counterFamily(rule: LimitRule): CounterId {
  return inFamily(keyFamily(rule), algorithmMarks[rule.numbers.algorithm])
}

/** What the counters of one key under all algorithms have in common: they are never a counter's own id. */
export function counterGroup(counter: CounterId, algorithm: LimitNumbers['algorithm']): CounterId {
  return inFamily(counter, algorithmMarks[algorithm])
}

/** What the counters of a policy have in common whatever its algorithm is. */
export function keyFamily({ policy, key }: LimitRule): CounterId {
  return hashed([policy, key])
}

/**
 * The counter of a key in a family. The other way round, the key of a counter: so that from one counter's id follow those
 * of the same key under the policy's earlier algorithms, with nothing of the key at hand.
 */
export function inFamily(family: CounterId, id: CounterId): CounterId {
  return { a: family.a ^ id.a, b: family.b ^ id.b, c: family.c ^ id.c, d: family.d ^ id.d }
}

function hashed(value: unknown): CounterId {
  const bytes = createHash('sha256').update(JSON.stringify(value)).digest()
  return {
    a: bytes.readInt32BE(0),
    b: bytes.readInt32BE(4),
    c: bytes.readInt32BE(8),
    d: bytes.readInt32BE(12),
  }
}

const algorithmMarks: Readonly<Record<LimitNumbers['algorithm'], CounterId>> = {
  fixed_window: hashed('fixed_window'),
  sliding_window: hashed('sliding_window'),
  token_bucket: hashed('token_bucket'),
  leaky_bucket: hashed('leaky_bucket'),
}
