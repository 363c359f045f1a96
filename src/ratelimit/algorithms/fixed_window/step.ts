import {
  type Algorithm,
  admitted,
  denied,
  inForce,
  type Micros,
  type Replacing,
  throughEdits,
} from '../algorithm.ts'
import { divideDown, divideUp } from '../whole.ts'

/** `limit` in cost, `window` in microseconds. */
export interface FixedWindowRule extends Replacing<FixedWindowRule> {
  limit: number
  window: Micros
}

export interface FixedWindowState {
  /** The largest time seen. It lies in the window that is counted. */
  at: Micros
  /** The window's length. */
  window: Micros
  /** Cost admitted in it. */
  count: number
}

/**
 * Windows aligned to the Unix epoch, each with a fresh count; a request is admitted iff count + cost <= limit.
 * At most 2 x limit pass in any interval as long as a window. A window's new length keeps what is used.
 */
export const fixedWindow: Algorithm<FixedWindowRule, FixedWindowState> = {
  at,

  step(before, rule, cost, clock) {
    const state = at(before, rule, clock)
    if (cost <= rule.limit && state.count + cost <= rule.limit) {
      return { state: { ...state, count: state.count + cost }, decision: admitted }
    }
    return { state, decision: denied(cost > rule.limit ? null : untilEnd(state)) }
  },

  standing(before, rule, clock) {
    const state = at(before, rule, clock)
    return { remaining: Math.max(0, rule.limit - state.count), resetAfter: untilEnd(state) }
  },

  expiresAt(before, rule) {
    const state = at(before, rule, before.at)
    return state.count === 0 ? state.at : state.at + untilEnd(state)
  },

  numbers: ({ limit, window }) => [limit, window],
  quota: ({ limit, window }) => ({ quota: limit, windowSeconds: divideUp(window, 1_000_000) }),
  used: ({ count }) => count,
  fromUsed: (count, { window }, at) => ({ at, window, count }),
  giveBack: (state, _, amount) => ({ ...state, count: Math.max(0, state.count - amount) }),

  pack({ at, window, count }, numbers, offset) {
    numbers[offset] = at
    numbers[offset + 1] = window
    numbers[offset + 2] = count
  },

  unpack: (numbers, offset) => ({
    at: numbers[offset]!,
    window: numbers[offset + 1]!,
    count: numbers[offset + 2]!,
  }),
}

function at(state: FixedWindowState | undefined, rule: FixedWindowRule, clock: Micros): FixedWindowState {
  const { window } = rule
  if (state === undefined) return { at: inForce(clock, rule), window, count: 0 }
  const { at: last, count } = throughEdits(state, rule, at)
  const now = Math.max(clock, last)
  return { at: now, window, count: divideDown(now, window) === divideDown(last, window) ? count : 0 }
}

function untilEnd({ at, window }: FixedWindowState): Micros {
  return window - (at % window)
}
