import type { Micros } from '../../algorithms/algorithm.ts'
import { type Clocks, createSteadyClock } from '../../clock.ts'

/** The store's clock, as this replica reads it while the store is away: windows end at the same time on every replica. */
export interface StoreTime {
  /** Never goes back. The wall clock, until the store said another time. */
  read(): Micros
  /** The store said this time in an answer to what was sent then, on the clock that only goes on. */
  learn(storeTime: Micros, sentAt: Micros): void
}

export function createStoreTime({ wall, monotonic }: Clocks): StoreTime {
  let ahead: Micros | undefined
  let steady = createSteadyClock({ wall, monotonic })
  return {
    read: () => steady(),
    learn(storeTime, sentAt) {
      const isFirst = ahead === undefined
      // The store read its clock between the two: a late answer moves what was known by no more than it has to.
      const [least, most] = [storeTime - monotonic(), storeTime - sentAt]
      ahead = Math.max(least, Math.min(most, ahead ?? Math.floor((least + most) / 2)))
      if (isFirst) steady = createSteadyClock({ wall: () => monotonic() + ahead!, monotonic })
    },
  }
}
