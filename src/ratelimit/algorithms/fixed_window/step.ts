import type { Algorithm, Micros } from '../algorithm.ts'

/** `limit` in cost, `window` in microseconds. */
export interface FixedWindowRule {
  limit: number
  window: Micros
}

export interface FixedWindowState {
  /** The largest time seen, so that a clock that goes back is harmless. */
  at: Micros
  /** The window's start, a multiple of its length. */
  start: Micros
  /** The window's length when the count was made. */
  window: Micros
  /** Cost admitted in it. */
  count: number
}

/**
 * Windows aligned to the Unix epoch, each with a fresh count; a request is admitted iff count + cost <= limit.
 * At most 2 x limit pass in any interval as long as a window. A window's new length keeps what is used.
 */
export const fixedWindow: Algorithm<FixedWindowRule, FixedWindowState> = {
  step(state, rule, cost, clock) {
    const current = at(state, rule, clock)
    if (cost <= rule.limit && current.count + cost <= rule.limit) {
      return {
        state: { ...current, count: current.count + cost },
        decision: { admitted: true, retryAfter: 0 },
      }
    }
    const retryAfter = cost > rule.limit ? null : current.start + rule.window - current.at
    return { state: current, decision: { admitted: false, retryAfter } }
  },

  standing(state, rule, clock) {
    const { at: now, start, count } = at(state, rule, clock)
    return { remaining: Math.max(0, rule.limit - count), resetAfter: start + rule.window - now }
  },

  expiresAt: (state) => state.start + state.window,

  quota: (rule) => ({ quota: rule.limit, windowSeconds: Math.ceil(rule.window / 1_000_000) }),
}

/** The state brought to the time, a new window begun where the old one is over. */
function at(state: FixedWindowState | undefined, rule: FixedWindowRule, clock: Micros): FixedWindowState {
  const now = Math.max(clock, state?.at ?? 0)
  const over = state === undefined || now >= state.start + state.window
  const start = Math.floor(now / rule.window) * rule.window
  return { at: now, start, window: rule.window, count: over ? 0 : state.count }
}
