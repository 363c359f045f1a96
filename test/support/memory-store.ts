import { createMemoryStore, type MemoryStore } from '../../src/ratelimit/stores/memory/memory-store.ts'
import { hitOn } from './hits.ts'
import { fixed } from './limit-rules.ts'

export const second = 1_000_000

/** A store with a clock that stands until it is moved. */
export function setUpStore(maxCounters = 1_000) {
  let now = 1_000 * second
  const overflows: string[] = []
  const onOverflow = (policy: string) => void overflows.push(policy)
  const store: MemoryStore = createMemoryStore({ clock: () => now, maxCounters, onOverflow })
  return {
    store,
    /** The policies of the hits that had to share a counter. */
    overflows,
    now: () => now,
    pass(seconds: number) {
      now += seconds * second
    },
    /** Enough hits on one counter for every slot to be looked at. */
    sweep() {
      const sweeper = hitOn('sweeper', fixed(1_000_000))
      for (let index = 0; index < 2_000; index++) store.take([sweeper])
      store.reset('p', sweeper.counter)
    },
  }
}
