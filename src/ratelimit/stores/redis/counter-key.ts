import { type AlgorithmName, algorithmNames } from '../../algorithms/bound-rule.ts'
import type { CounterId } from '../../identity/counter-id.ts'
import { counterGroup } from '../../identity/counter-identity.ts'

/**
 * The version of keys and values: a weir that writes others has another number, and neither reads what the other wrote.
 */
const version = 1

const letters: Readonly<Record<AlgorithmName, string>> = {
  fixed_window: 'f',
  sliding_window: 's',
  token_bucket: 't',
  leaky_bucket: 'l',
}

const bytes = Buffer.alloc(16)

/**
 * The Redis key of a counter: `weir:1:{...}f`. What stands in braces is its group's, so that the counters of one key under
 * all algorithms are in one slot of a cluster; nothing in it can be read back to the values of the key.
 */
export function counterKey(counter: CounterId, algorithm: AlgorithmName): string {
  return groupPrefix(counter, algorithm) + letters[algorithm]
}

/** The Redis keys of a counter's group, one an algorithm. */
export function groupKeys(counter: CounterId, algorithm: AlgorithmName): string[] {
  const prefix = groupPrefix(counter, algorithm)
  return algorithmNames.map((each) => prefix + letters[each])
}

/** Where a store remembers what replicas added to the counters of a group: in their slot. */
export function memoKey(counter: CounterId, algorithm: AlgorithmName): string {
  return `${groupPrefix(counter, algorithm)}m`
}

/** Where a store keeps the record of the replicas. */
export const membersKey = `weir:${version}:replicas`

function groupPrefix(counter: CounterId, algorithm: AlgorithmName): string {
  const { a, b, c, d } = counterGroup(counter, algorithm)
  bytes.writeInt32LE(a, 0)
  bytes.writeInt32LE(b, 4)
  bytes.writeInt32LE(c, 8)
  bytes.writeInt32LE(d, 12)
  return `weir:${version}:{${bytes.toString('base64url')}}`
}
