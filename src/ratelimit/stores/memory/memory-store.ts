import type { Micros } from '../../algorithms/algorithm.ts'
import type { CounterStore, Hit, Taken } from '../counter-store.ts'

interface Entry {
  policy: string
  state: unknown
  expiresAt: Micros
}

/** Entries looked at for expiry with each hit: more than a hit can add, so that the map shrinks under any load. */
const sweptPerHit = 2

export interface MemoryStoreOptions {
  /** Whole microseconds since the epoch. */
  clock: () => Micros
  /**
   * Counters that are held before the store counts as full. Then a policy gets new counters only below its fair share
   * (this number divided by the policies that hold any), and else a new key shares one counter with all other new keys
   * of its policy. So nobody loses a counter to an attacker's random keys, a flood of one policy's keys leaves the
   * others theirs, and memory stays below twice this number.
   */
  maxCounters: number
  /** Called when a hit had to share a counter. */
  onOverflow?(policy: string): void
}

/**
 * Counters in this process. JavaScript runs one step at a time, so a `take` is atomic by itself. Expired counters
 * go a few at a time with the hits that follow; there is no sweep that could pause the process.
 */
export function createMemoryStore({ clock, maxCounters, onOverflow }: MemoryStoreOptions): CounterStore {
  const entries = new Map<string, Entry>()
  /** Counters held by each policy. */
  const held = new Map<string, number>()
  let cursor = entries.entries()

  function sweep(count: number, now: Micros): void {
    for (let looked = 0; looked < count; looked++) {
      const next = cursor.next()
      if (next.done === true) {
        cursor = entries.entries()
        return
      }
      const [key, entry] = next.value
      if (entry.expiresAt <= now) remove(key, entry.policy)
    }
  }

  function remove(key: string, policy: string): void {
    entries.delete(key)
    const left = held.get(policy)! - 1
    if (left === 0) held.delete(policy)
    else held.set(policy, left)
  }

  function put(key: string, policy: string, state: unknown, expiresAt: Micros): void {
    if (!entries.has(key)) held.set(policy, (held.get(policy) ?? 0) + 1)
    entries.set(key, { policy, state, expiresAt })
  }

  function counterOf(hit: Hit, staged: ReadonlyMap<string, unknown>): string {
    if (entries.has(hit.counter) || staged.has(hit.counter)) return hit.counter
    const own = held.get(hit.policy) ?? 0
    const share = maxCounters / Math.max(1, held.size + (own === 0 ? 1 : 0))
    if (entries.size < maxCounters || own < share) return hit.counter
    onOverflow?.(hit.policy)
    return hit.overflow
  }

  function take(hits: readonly Hit[]): Taken {
    const now = clock()
    sweep(sweptPerHit * hits.length, now)
    // Two hits of one request may meet one counter: the second sees what the first would take.
    const staged = new Map<string, unknown>()
    const judged = hits.map((hit) => {
      const counter = counterOf(hit, staged)
      const before = staged.has(counter) ? staged.get(counter) : entries.get(counter)?.state
      const { state, decision } = hit.rule.step(before, hit.cost, now)
      staged.set(counter, state)
      return { hit, counter, decision }
    })
    const admitted = judged.every(({ decision }) => decision.admitted)
    if (admitted) {
      for (const { hit, counter } of judged) {
        const state = staged.get(counter)
        put(counter, hit.policy, state, hit.rule.expiresAt(state))
      }
    }
    const outcomes = judged.map(({ hit, counter, decision }) => ({
      ...decision,
      ...hit.rule.standing(entries.get(counter)?.state, now),
    }))
    return { admitted, outcomes }
  }

  return { take, size: () => entries.size }
}
