import { bounds } from './bounds.ts'

/** Time and chance, as far as retries need them. */
export interface RetryClock {
  /** Milliseconds since 1970. */
  now(): number
  /** From 0 to 1; spreads the retries of a fleet that refused the same thing at the same time. */
  random(): number
  /** Calls back after `ms` milliseconds, once; returns a function that withdraws this. */
  timer(ms: number, callback: () => void): () => void
}

export const systemClock: RetryClock = {
  now: Date.now,
  random: Math.random,
  timer(ms, callback) {
    const timeout = setTimeout(callback, ms)
    return () => clearTimeout(timeout)
  },
}

/** Timers of Node are for 24 days at most. */
const longestTimer = 2 ** 31 - 1

/** Calls back at a time, however far off it is; returns a function that withdraws this. */
export function atTime(
  clock: Pick<RetryClock, 'now' | 'timer'>,
  time: number,
  callback: () => void,
): () => void {
  const left = Math.max(0, time - clock.now())
  let withdraw = clock.timer(Math.min(left, longestTimer), () => {
    if (left <= longestTimer) callback()
    else withdraw = atTime(clock, time, callback)
  })
  return () => withdraw()
}

/** Milliseconds from a refusal to the next attempt, after so many of them; a fifth more or less by chance. */
export function retryDelay(attempts: number, random: number): number {
  const doubled = bounds.retryFirstMs * 2 ** Math.min(attempts - 1, 30)
  return Math.min(doubled, bounds.retryLastMs) * (0.8 + 0.4 * random)
}
