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
import { divideUp, drain, micros, scaleUp } from '../whole.ts'

/** `tokens` come back in `every` microseconds, a multiple of `unit`: microseconds of a tick. */
export interface TokenBucketRule extends Replacing<TokenBucketRule> {
  capacity: number
  tokens: number
  every: Micros
  unit: number
}

export interface TokenBucketState {
  /** The last tick: the largest time seen. */
  at: Micros
  /** (capacity - tokens) x `scale`. It does not change with the capacity, and falls by the rule's tokens a tick. */
  missing: number
  /** The rule's `every`, in ticks. */
  scale: number
}

/**
 * A bucket that starts full and refills continuously; a request is admitted iff there are tokens for its cost.
 * In any interval its capacity and its refill pass. Edits keep what is missing.
 */
export const tokenBucket: Algorithm<TokenBucketRule, TokenBucketState> = {
  at,

  step(before, rule, cost, clock) {
    const state = at(before, rule, clock)
    const { capacity, tokens, unit } = rule
    if (cost > capacity) return { state, decision: denied(null) }
    const over = state.missing - (capacity - cost) * state.scale
    if (over > 0) return { state, decision: denied(micros(divideUp(over, tokens), unit)) }
    return { state: { ...state, missing: state.missing + cost * state.scale }, decision: admitted }
  },

  standing(before, rule, clock) {
    const state = at(before, rule, clock)
    return { remaining: Math.max(0, rule.capacity - used(state)), resetAfter: untilFull(state, rule) }
  },

  expiresAt(before, rule) {
    const state = at(before, rule, before.at)
    return state.at + untilFull(state, rule)
  },

  numbers: ({ capacity, tokens, every, unit }) => [capacity, tokens, every, unit],
  quota: ({ capacity, tokens, every }) => ({
    quota: capacity,
    windowSeconds: fieldSeconds(scaleUp(capacity, every, tokens * 1_000_000)),
  }),
  used,
  fromUsed(used, rule, now) {
    const idle = at(undefined, rule, now)
    return { ...idle, missing: Math.min(used, rule.capacity) * idle.scale }
  },

  giveBack: (state, _, amount) => ({ ...state, missing: drain(state.missing, state.scale, amount) }),

  pack({ at, missing, scale }, numbers, offset) {
    numbers[offset] = at
    numbers[offset + 1] = missing
    numbers[offset + 2] = scale
  },

  unpack: (numbers, offset) => ({
    at: numbers[offset]!,
    missing: numbers[offset + 1]!,
    scale: numbers[offset + 2]!,
  }),
}

function at(state: TokenBucketState | undefined, rule: TokenBucketRule, clock: Micros): TokenBucketState {
  const { unit } = rule
  const scale = rule.every / unit
  const tick = clock - (clock % unit)
  if (state === undefined) return { at: inForce(tick, rule), missing: 0, scale }
  const old = throughEdits(state, rule, at)
  const missing = old.scale === scale ? old.missing : scaleUp(old.missing, scale, old.scale)
  const last = old.at - (old.at % unit)
  const now = Math.max(tick, last)
  return { at: now, missing: drain(missing, rule.tokens, (now - last) / unit), scale }
}

function used({ missing, scale }: TokenBucketState): number {
  return divideUp(missing, scale)
}

function untilFull({ missing }: TokenBucketState, { tokens, unit }: TokenBucketRule): Micros {
  return micros(divideUp(missing, tokens), unit)
}
