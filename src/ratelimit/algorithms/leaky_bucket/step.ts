import {
  type Algorithm,
  admitted,
  denied,
  fieldSeconds,
  inForce,
  type Micros,
  type Replacing,
  throughEdits,
} from '../algorithm.ts'
import { divideDown, divideUp, drain, micros, scaleUp } from '../whole.ts'

/** `requests` leave in `every` microseconds, a multiple of `unit`: microseconds of a tick. */
export interface LeakyBucketRule extends Replacing<LeakyBucketRule> {
  queue: number
  requests: number
  every: Micros
  unit: number
}

export interface LeakyBucketState {
  /** The last tick: the largest time seen. */
  at: Micros
  /** Ticks until the next free turn x the rule's requests. It falls by the requests a tick. */
  wait: number
  /** `wait` of a second: requests x ticks of a second. */
  scale: number
}

/**
 * A queue that is drained at a constant rate: a turn every T = every / requests. A request is admitted iff its last
 * turn is at most queue x T away; it waits until its first. An idle bucket admits queue + 1. Edits keep the time of
 * the waits.
 */
export const leakyBucket: Algorithm<LeakyBucketRule, LeakyBucketState> = {
  at,

  step(before, rule, cost, clock) {
    const state = at(before, rule, clock)
    const { queue, requests, every, unit } = rule
    if (cost > queue + 1) return { state, decision: denied(null) }
    const turn = every / unit
    // wait + (cost - 1) x T <= queue x T, times the requests.
    const over = state.wait - (queue + 1 - cost) * turn
    if (over > 0) return { state, decision: denied(micros(divideUp(over, requests), unit)) }
    if (cost === 0) return { state, decision: admitted }
    return {
      state: { ...state, wait: state.wait + cost * turn },
      decision: { ...admitted, delay: delay(state, rule) },
    }
  },

  standing(before, rule, clock) {
    const state = at(before, rule, clock)
    const remaining = Math.max(0, rule.queue + 1 - used(state, rule))
    return { remaining, resetAfter: untilIdle(state, rule) }
  },

  expiresAt(before, rule) {
    const state = at(before, rule, before.at)
    return state.at + untilIdle(state, rule)
  },

  numbers: ({ queue, requests, every, unit }) => [queue, requests, every, unit],
  quota: ({ queue, requests, every }) => ({
    quota: queue + 1,
    windowSeconds: fieldSeconds(scaleUp(queue + 1, every, requests * 1_000_000)),
  }),
  used,
  fromUsed(used, rule, now) {
    const idle = at(undefined, rule, now)
    return { ...idle, wait: Math.min(used, rule.queue + 1) * (rule.every / rule.unit) }
  },

  giveBack: (state, { every, unit }, amount) => ({ ...state, wait: drain(state.wait, every / unit, amount) }),

  pack({ at, wait, scale }, numbers, offset) {
    numbers[offset] = at
    numbers[offset + 1] = wait
    numbers[offset + 2] = scale
  },

  unpack: (numbers, offset) => ({
    at: numbers[offset]!,
    wait: numbers[offset + 1]!,
    scale: numbers[offset + 2]!,
  }),
}

function at(state: LeakyBucketState | undefined, rule: LeakyBucketRule, clock: Micros): LeakyBucketState {
  const { requests, unit } = rule
  const scale = requests * (1_000_000 / unit)
  const tick = clock - (clock % unit)
  if (state === undefined) return { at: inForce(tick, rule), wait: 0, scale }
  const old = throughEdits(state, rule, at)
  const wait = old.scale === scale ? old.wait : scaleUp(old.wait, scale, old.scale)
  const last = old.at - (old.at % unit)
  const now = Math.max(tick, last)
  return { at: now, wait: drain(wait, requests, (now - last) / unit), scale }
}

function used({ wait }: LeakyBucketState, { every, unit }: LeakyBucketRule): number {
  return divideUp(wait, every / unit)
}

function untilIdle({ wait }: LeakyBucketState, { requests, unit }: LeakyBucketRule): Micros {
  return micros(divideUp(wait, requests), unit)
}

/** The wait in microseconds, rounded up; whole ticks and the rest apart, since wait x unit may exceed 2^53. */
function delay({ wait }: LeakyBucketState, { requests, unit }: LeakyBucketRule): Micros {
  const ticks = divideDown(wait, requests)
  return micros(ticks, unit) + divideUp((wait - ticks * requests) * unit, requests)
}
