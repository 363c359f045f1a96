import { createHash } from 'node:crypto'
import { type AlgorithmName, algorithmNames } from '../../algorithms/bound-rule.ts'
import type { CounterId } from '../../identity/counter-id.ts'
import { counterGroup } from '../../identity/counter-identity.ts'

/**
 * The version of keys and values: a weir that writes others has another number, and neither reads what the other wrote.
 */
const version = 2

const letters: Readonly<Record<AlgorithmName, string>> = {
  fixed_window: 'f',
  sliding_window: 's',
  token_bucket: 't',
  leaky_bucket: 'l',
}

const bytes = Buffer.alloc(16)

/** What all keys of counters begin with. */
export const allCounters = `weir:${version}:c:`

/**
 * The key of a counter without what its policy puts before it: `{...}f`. What stands in braces is its group's, so that the
 * counters of one key under all algorithms are in one slot of a cluster; nothing in it can be read back to the values of
 * the key.
 */
export function counterKey(counter: CounterId, algorithm: AlgorithmName): string {
  return groupPrefix(counter, algorithm) + letters[algorithm]
}

/** The keys of a counter's group, one an algorithm. */
export function groupKeys(counter: CounterId, algorithm: AlgorithmName): string[] {
  const prefix = groupPrefix(counter, algorithm)
  return algorithmNames.map((each) => prefix + letters[each])
}

/** Where a store remembers what replicas added to the counters of a group: in their slot. */
export function memoKey(counter: CounterId, algorithm: AlgorithmName): string {
  return `${groupPrefix(counter, algorithm)}m`
}

/** Beyond so many policies prefixes are made anew. */
const mostRemembered = 10_000
const prefixes = new Map<string, string>()

/**
 * What stands before the keys of a policy's counters in Redis: `weir:2:c:Ab3d`. Two policies may have the same; it tells
 * which counters need not be looked at, and no two counters apart.
 */
export function counterPrefix(policy: string): string {
  let prefix = prefixes.get(policy)
  if (prefix === undefined) {
    if (prefixes.size >= mostRemembered) prefixes.clear()
    prefix = allCounters + createHash('sha256').update(policy).digest('base64url').slice(0, 4)
    prefixes.set(policy, prefix)
  }
  return prefix
}

/** Where a store keeps the record of the replicas. */
export const membersKey = `weir:${version}:replicas`

/**
 * What stands before a fleet's breakers in Redis: another fleet may have clusters of the same names. `key` is that of the
 * fleet's counters.
 */
export function breakerPrefix(key: Buffer): string {
  const fleet = createHash('sha256').update('breakers').update(key).digest('base64url').slice(0, 8)
  return `weir:${version}:b:${fleet}:`
}

/** What may be said here nobody hears. */
export const nobodysChannel = `weir:${version}:b:?`

function groupPrefix(counter: CounterId, algorithm: AlgorithmName): string {
  const { a, b, c, d } = counterGroup(counter, algorithm)
  bytes.writeInt32LE(a, 0)
  bytes.writeInt32LE(b, 4)
  bytes.writeInt32LE(c, 8)
  bytes.writeInt32LE(d, 12)
  return `{${bytes.toString('base64url')}}`
}
