import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Algorithm as Implementation, Timed } from '../../src/ratelimit/algorithms/algorithm.ts'
import { fixedWindow } from '../../src/ratelimit/algorithms/fixed_window/step.ts'
import { leakyBucket } from '../../src/ratelimit/algorithms/leaky_bucket/step.ts'
import { slidingWindow } from '../../src/ratelimit/algorithms/sliding_window/step.ts'
import { tokenBucket } from '../../src/ratelimit/algorithms/token_bucket/step.ts'
import { type Counter, judge, later, quotaOf, shown, spanOf, taken, touched } from './oracle/counter.ts'
import { ceiling, type Fraction } from './oracle/fraction.ts'
import type { Rule } from './oracle/rule.ts'
import { type Algorithm, type Schedule, type Step, scheduleOf } from './oracle/schedule.ts'

const implementations: Record<Algorithm, Implementation<object, Timed>> = {
  fixed_window: fixedWindow as unknown as Implementation<object, Timed>,
  sliding_window: slidingWindow as unknown as Implementation<object, Timed>,
  token_bucket: tokenBucket as unknown as Implementation<object, Timed>,
  leaky_bucket: leakyBucket as unknown as Implementation<object, Timed>,
}

interface Answer {
  admitted: boolean
  retryAfter: number | null
  delay: number
  remaining: number
  resetAfter: number
  quota: number
  windowSeconds: number
}

/** The oracle's side of a schedule: the whole list of what one counter admitted. */
interface Expected {
  rule: Rule
  counter: Counter | undefined
  last: { retry: bigint; reset: bigint }
  /** When the rule came: no clock is behind it. */
  edited: bigint
  /** The largest time known before the edits that no request has seen yet. */
  pending: bigint | undefined
}

/** The implementation's side of it. */
interface Actual {
  rule: object
  algorithm: Algorithm
  state: Timed | undefined
}

describe('algorithms against an oracle that keeps every admitted request', () => {
  for (const algorithm of ['fixed_window', 'sliding_window', 'token_bucket', 'leaky_bucket'] as const) {
    test(algorithm, () => {
      const numRuns = process.env.WEIR_LONG === '1' ? 100_000 : 1_000
      const outcomes = { admitted: 0, denied: 0, never: 0, waited: 0 }
      const same = (schedule: Schedule) => play(schedule, outcomes)
      fc.assert(fc.property(scheduleOf(algorithm), same), { numRuns })
      // A generator that never reaches an edge would agree with anything.
      assert.ok(outcomes.admitted > numRuns && outcomes.denied > numRuns && outcomes.never > 0)
      if (algorithm === 'leaky_bucket') assert.ok(outcomes.waited > numRuns)
    })
  }
})

function play({ rule, origin, steps }: Schedule, outcomes: Record<string, number>): void {
  const expected: Expected = {
    rule,
    counter: undefined,
    last: { retry: 0n, reset: 0n },
    edited: 0n,
    pending: undefined,
  }
  const actual: Actual = { rule: ruleFor(rule), algorithm: rule.algorithm, state: undefined }
  let clock = BigInt(origin)
  for (const [index, step] of steps.entries()) {
    const before = clock
    clock = clockAt(step, before, expected)
    if (step.edit !== undefined) edit(step.edit, before, clock, expected, actual)
    if (step.cost === undefined) continue
    const want = ask(expected, step.cost, clock)
    const got = take(actual, step.cost, Number(clock))
    assert.deepEqual(got, want, `step ${index} at ${clock}`)
    if (want.admitted) outcomes.admitted!++
    else outcomes.denied!++
    if (want.retryAfter === null) outcomes.never!++
    if (want.delay > 0) outcomes.waited!++
  }
}

/** The clock of a step: never before the last edit, never past what a double holds. */
function clockAt({ gap, within }: Step, clock: bigint, { rule, last, edited }: Expected): bigint {
  const base = { now: 0n, retry: last.retry, reset: last.reset, share: shareOf(rule) }[gap.from]
  const tick = clock + base + BigInt(gap.ticks) * rule.unit
  const at = tick - (tick % rule.unit) + (BigInt(within) * rule.unit) / 1_000n
  return at < edited ? edited : at > 4_000_000_000_000_000n ? clock : at
}

/** Microseconds of one token, one turn, or a part of the window. */
function shareOf(rule: Rule): bigint {
  if ('window' in rule) return rule.window / (rule.limit > 0n ? rule.limit : 1n)
  return 'refill' in rule ? rule.refill.every / rule.refill.tokens : rule.rate.every / rule.rate.requests
}

function ask(expected: Expected, cost: number, clock: bigint): Answer {
  const counter = touched(expected.counter, expected.rule, clock)
  const { admitted, retryAfter, delay } = judge(counter, BigInt(cost))
  const after = admitted ? taken(counter, BigInt(cost)) : counter
  const { remaining, reset } = shown(after)
  expected.counter = after
  expected.pending = undefined
  expected.last = { retry: retryAfter ?? 0n, reset: ceiling(reset) }
  return {
    admitted,
    retryAfter: retryAfter === null ? null : micros(retryAfter),
    delay: admitted ? micros(ceiling(delay)) : 0,
    remaining: Number(remaining),
    resetAfter: micros(toTick(reset, expected.rule.unit)),
    quota: Number(quotaOf(expected.rule)),
    windowSeconds: seconds(spanOf(expected.rule)),
  }
}

function take(actual: Actual, cost: number, now: number): Answer {
  const { step, standing, quota } = implementations[actual.algorithm]
  const { state, decision } = step(actual.state, actual.rule, cost, now)
  actual.state = state
  return { ...decision, ...standing(state, actual.rule, now), ...quota(actual.rule) }
}

function edit(
  { rule, when }: NonNullable<Step['edit']>,
  before: bigint,
  clock: bigint,
  expected: Expected,
  actual: Actual,
): void {
  const between = clock > before && when !== undefined ? ((clock - before) * BigInt(when)) / 1_000n : 0n
  const raw = (clock < before ? clock : before) + between
  const at = raw - (raw % rule.unit)
  const latest = expected.counter?.latest ?? at
  const timed = when === undefined ? latest : at
  // Edits in one instant that no request saw between are one edit: only what is looked at is rounded.
  if (expected.pending !== undefined && timed <= expected.pending) return
  if (expected.counter !== undefined) expected.counter = touched(expected.counter, rule, 0n, timed)
  const known = expected.pending ?? latest
  Object.assign(expected, {
    rule,
    pending: later(timed, known),
    edited: when === undefined ? expected.edited : at,
  })
  replace(actual, rule, when === undefined ? undefined : Number(timed))
}

/** An edit that keeps the algorithm is told by the new rule; one that changes it carries what is used. */
function replace(actual: Actual, rule: Rule, at: number | undefined): void {
  const old = implementations[actual.algorithm]
  const next = implementations[rule.algorithm]
  const kept = rule.algorithm === actual.algorithm
  if (kept && at !== undefined) {
    actual.rule = { ...ruleFor(rule), replaced: { rule: actual.rule, at } }
    return
  }
  if (actual.state !== undefined) {
    const brought = old.at(actual.state, actual.rule, at ?? 0)
    actual.state = kept
      ? next.at(brought, ruleFor(rule), 0)
      : next.fromUsed(old.used(brought, actual.rule), ruleFor(rule), brought.at)
  }
  Object.assign(actual, { rule: ruleFor(rule), algorithm: rule.algorithm })
}

function ruleFor(rule: Rule): object {
  const unit = Number(rule.unit)
  switch (rule.algorithm) {
    case 'fixed_window':
      return { limit: Number(rule.limit), window: Number(rule.window) }
    case 'sliding_window':
      return { limit: Number(rule.limit), window: Number(rule.window), unit }
    case 'token_bucket': {
      const { tokens, every } = rule.refill
      return { capacity: Number(rule.capacity), tokens: Number(tokens), every: Number(every), unit }
    }
    case 'leaky_bucket': {
      const { requests, every } = rule.rate
      return { queue: Number(rule.queue), requests: Number(requests), every: Number(every), unit }
    }
  }
}

/** As the implementation tells a time: one beyond 2^53 - 1 microseconds (285 years) is told as that. */
function micros(time: bigint): number {
  return Math.min(Number(time), Number.MAX_SAFE_INTEGER)
}

/** The first tick not before it, in microseconds: what is then rounded up to seconds stays the same. */
function toTick(time: Fraction, unit: bigint): bigint {
  return ceiling({ numerator: time.numerator, denominator: time.denominator * unit }) * unit
}

/** Whole seconds, rounded up, in the 15 digits that a header field's integer holds (RFC 9651, section 3.3.1). */
function seconds({ numerator, denominator }: Fraction): number {
  const whole = ceiling({ numerator, denominator: denominator * 1_000_000n })
  return whole > 999_999_999_999_999n ? 999_999_999_999_999 : Number(whole)
}
