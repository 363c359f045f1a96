import type { Micros } from './algorithms/algorithm.ts'

/** Each reads its clock, in whole microseconds. */
export interface Clocks {
  /** Since the Unix epoch. It may jump, and stand between its ticks. */
  wall: () => Micros
  /** Since whenever; only goes on, at the rate of time. */
  monotonic: () => Micros
}

/**
 * The wall clock without its steps back. One set forward is followed at once. While one is behind what was read
 * before, time goes on at nine tenths of its rate until the wall clock has caught up, so that counters neither stand
 * still nor gain. It is so between two ticks of a coarse clock, too.
 */
export function createSteadyClock({ wall, monotonic }: Clocks): () => Micros {
  let followed = wall()
  let since = monotonic()
  return () => {
    const wallTime = wall()
    const monotonicTime = monotonic()
    const slow = followed + Math.floor(((monotonicTime - since) * 9) / 10)
    if (wallTime < slow) return slow
    followed = wallTime
    since = monotonicTime
    return wallTime
  }
}
