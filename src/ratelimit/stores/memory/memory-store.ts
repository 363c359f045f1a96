import type { Micros } from '../../algorithms/algorithm.ts'
import type { CounterStore, Hit, Taken } from '../counter-store.ts'

interface Entry {
  state: unknown
  expiresAt: Micros
}

/** Entries looked at for expiry with each hit: more than a hit can add, so that the map shrinks under any load. */
const sweptPerHit = 2

export interface MemoryStoreOptions {
  /** Whole microseconds since the epoch. */
  clock: () => Micros
  /**
   * Counters held at most. Beyond it a new key shares one counter with all other new keys of its policy: nobody
   * loses a counter to an attacker's random keys, and memory stays flat.
   */
  maxCounters: number
}

/**
 * Counters in this process. JavaScript runs one step at a time, so a `take` is atomic by itself. Expired counters
 * go a few at a time with the hits that follow; there is no sweep that could pause the process.
 */
export function createMemoryStore({ clock, maxCounters }: MemoryStoreOptions): CounterStore {
  const entries = new Map<string, Entry>()
  let cursor = entries.entries()

  function sweep(count: number, now: Micros): void {
    for (let looked = 0; looked < count; looked++) {
      const next = cursor.next()
      if (next.done === true) {
        cursor = entries.entries()
        return
      }
      const [key, entry] = next.value
      if (entry.expiresAt <= now) entries.delete(key)
    }
  }

  function counterOf(hit: Hit, staged: Map<string, unknown>): string {
    const known = entries.has(hit.counter) || staged.has(hit.counter)
    return known || entries.size + staged.size < maxCounters ? hit.counter : hit.overflow
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
        entries.set(counter, { state, expiresAt: hit.rule.expiresAt(state) })
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
