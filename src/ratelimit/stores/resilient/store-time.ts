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
      ahead = storeTime - Math.floor((sentAt + monotonic()) / 2)
      if (isFirst) steady = createSteadyClock({ wall: () => monotonic() + ahead!, monotonic })
    },
  }
}
