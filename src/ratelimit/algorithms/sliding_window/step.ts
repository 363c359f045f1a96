import {
  type Algorithm,
  admitted,
  denied,
  inForce,
  type Micros,
  type Replacing,
  throughEdits,
} from '../algorithm.ts'
import { divideDown, divideUp, scaleDown, scaleUp } from '../whole.ts'

/** `limit` in cost, `window` in microseconds, a multiple of `unit`: microseconds of a tick. */
export interface SlidingWindowRule extends Replacing<SlidingWindowRule> {
  limit: number
  window: Micros
  unit: number
}

export interface SlidingWindowState {
  /** The largest time seen. It lies in the current window. */
  at: Micros
  /** The windows' length. They are aligned to the Unix epoch. */
  window: Micros
  /** Cost admitted in the current window. */
  current: number
  /** Cost admitted in the one before. */
  previous: number
}

/**
 * A rolling window, estimated from two aligned ones: a request is admitted iff
 * previous x (window - elapsed) + (current + cost) x window <= limit x window. Less than 2 x limit pass in any interval
 * as long as a window. A window's new length starts with what the old one estimated.
 */
export const slidingWindow: Algorithm<SlidingWindowRule, SlidingWindowState> = {
  at,

  step(before, rule, cost, clock) {
    const state = at(before, rule, clock)
    if (admits(state, rule, cost)) {
      return { state: { ...state, current: state.current + cost }, decision: admitted }
    }
    return { state, decision: denied(cost > rule.limit ? null : retryAfter(state, rule, cost)) }
  },

  standing(before, rule, clock) {
    const state = at(before, rule, clock)
    return { remaining: Math.max(0, rule.limit - used(state)), resetAfter: left(state) }
  },

  expiresAt(before, rule) {
    const state = at(before, rule, before.at)
    if (state.current > 0) return state.at + left(state) + state.window
    return state.previous > 0 ? state.at + left(state) : state.at
  },

  numbers: ({ limit, window, unit }) => [limit, window, unit],
  quota: ({ limit, window }) => ({ quota: limit, windowSeconds: divideUp(window, 1_000_000) }),
  used,
  fromUsed: (current, { window, unit }, now) => ({ at: now - (now % unit), window, current, previous: 0 }),

  giveBack(state, _, amount) {
    const current = Math.max(0, state.current - amount)
    const rest = amount - (state.current - current)
    // What of the last window counts as `rest` now, rounded down, so that no more than that comes back.
    const previous = Math.max(0, state.previous - scaleDown(rest, state.window, left(state)))
    return { ...state, current, previous }
  },

  pack({ at, window, current, previous }, numbers, offset) {
    numbers[offset] = at
    numbers[offset + 1] = window
    numbers[offset + 2] = current
    numbers[offset + 3] = previous
  },

  unpack: (numbers, offset) => ({
    at: numbers[offset]!,
    window: numbers[offset + 1]!,
    current: numbers[offset + 2]!,
    previous: numbers[offset + 3]!,
  }),
}

function at(
  state: SlidingWindowState | undefined,
  rule: SlidingWindowRule,
  clock: Micros,
): SlidingWindowState {
  const { window, unit } = rule
  const tick = clock - (clock % unit)
  if (state === undefined) return { at: inForce(tick, rule), window, current: 0, previous: 0 }
  const old = inWindows(throughEdits(state, rule, at), window)
  const now = Math.max(tick, old.at - (old.at % unit))
  const passed = divideDown(now, window) - divideDown(old.at, window)
  if (passed === 0) return { ...old, at: now }
  return { at: now, window, current: 0, previous: passed === 1 ? old.current : 0 }
}

function inWindows(state: SlidingWindowState, window: Micros): SlidingWindowState {
  return state.window === window ? state : { at: state.at, window, current: used(state), previous: 0 }
}

/** Microseconds until the window ends. */
function left({ at, window }: SlidingWindowState): Micros {
  return window - (at % window)
}

/** The estimate, rounded up. */
function used(state: SlidingWindowState): number {
  return state.current + scaleUp(state.previous, left(state), state.window)
}

/**
 * The rule of `slidingWindow`, with the known parts on the right, where nothing exceeds limit x window. A left side
 * beyond 2^53, after a limit was lowered far, may be rounded, but never to below that.
 */
function admits(
  state: SlidingWindowState,
  { limit, window, unit }: SlidingWindowRule,
  cost: number,
): boolean {
  const room = limit - state.current - cost
  return cost <= limit && room >= 0 && state.previous * (left(state) / unit) <= room * (window / unit)
}

/** The estimate only falls: first what the last window left fades, then, in the next window, what this one leaves. */
function retryAfter(
  state: SlidingWindowState,
  { limit, window, unit }: SlidingWindowRule,
  cost: number,
): Micros {
  const ticks = window / unit
  const rest = left(state)
  const room = limit - state.current - cost
  // Ticks of the overlap with which the cost just fits.
  const overlap = room < 0 ? 0 : divideDown(room * ticks, state.previous)
  if (overlap > 0) return rest - overlap * unit
  const next =
    state.current === 0 ? ticks : Math.min(ticks, divideDown((limit - cost) * ticks, state.current))
  return rest + (ticks - next) * unit
}
