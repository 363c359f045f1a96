import type { RetryClock } from '../../src/xds/retry.ts'

/** A clock of which a test says when time is up. */
export function handClock(start = 0): RetryClock & { pass(ms: number): void; next(): number | undefined } {
  let now = start
  const timers = new Set<{ at: number; callback: () => void }>()
  return {
    now: () => now,
    random: () => 0.5,
    timer(ms: number, callback: () => void) {
      const timer = { at: now + ms, callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    /** When the next timer is due. */
    next: () => (timers.size === 0 ? undefined : Math.min(...[...timers].map(({ at }) => at))),
    pass(ms: number) {
      now += ms
      for (const timer of timers) if (timer.at <= now && timers.delete(timer)) timer.callback()
    },
  }
}
