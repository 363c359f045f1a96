import { WeirError } from '../errors.ts'

/**
 * One at a time, in the order of asking. Writers wait here rather than at the database's lock, where each of them
 * would hold one of the few connections that readers need too. Who waits longer than `waitMs` is sent away.
 */
export function createTurns(waitMs: number) {
  let last: Promise<unknown> = Promise.resolve()
  /** Those who have a turn or wait for one. */
  let present = 0
  const awaiting = new Set<() => void>()

  return {
    /** Resolves once nobody has a turn or waits for one, and after `mostMs` in any case. */
    idle(mostMs: number): Promise<void> {
      if (present === 0) return Promise.resolve()
      return new Promise((resolve) => {
        const end = () => {
          clearTimeout(timer)
          awaiting.delete(end)
          resolve()
        }
        const timer = setTimeout(end, mostMs)
        awaiting.add(end)
      })
    },

    async take<T>(work: () => Promise<T>): Promise<T> {
      const before = last
      const { promise: mine, resolve: done } = Promise.withResolvers<void>()
      last = before.then(() => mine)
      present++
      try {
        await within(before, waitMs)
        return await work()
      } finally {
        done()
        present--
        if (present === 0) for (const end of awaiting) end()
      }
    },
  }
}

async function within(turn: Promise<unknown>, waitMs: number): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>()
  const busy = () =>
    new WeirError('unavailable', 'Too many writes are waiting; nothing was written.', { retryAfter: 2 })
  const timer = setTimeout(() => reject(busy()), waitMs)
  try {
    await Promise.race([turn, promise])
  } finally {
    clearTimeout(timer)
  }
}
