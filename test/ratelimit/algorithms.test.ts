import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { LimitNumbers } from '../../src/model/limit-rule.ts'
import { type TickUnit, tickUnit } from '../../src/model/tick-unit.ts'
import type { Algorithm, Timed } from '../../src/ratelimit/algorithms/algorithm.ts'
import { bindRule, carryOver } from '../../src/ratelimit/algorithms/bound-rule.ts'
import type { Case } from '../../src/ratelimit/algorithms/case.ts'
import { cases as fixedCases } from '../../src/ratelimit/algorithms/fixed_window/cases.ts'
import { fixedWindow } from '../../src/ratelimit/algorithms/fixed_window/step.ts'
import { cases as leakyCases } from '../../src/ratelimit/algorithms/leaky_bucket/cases.ts'
import { leakyBucket } from '../../src/ratelimit/algorithms/leaky_bucket/step.ts'
import { cases as slidingCases } from '../../src/ratelimit/algorithms/sliding_window/cases.ts'
import { slidingWindow } from '../../src/ratelimit/algorithms/sliding_window/step.ts'
import { cases as tokenCases } from '../../src/ratelimit/algorithms/token_bucket/cases.ts'
import { tokenBucket } from '../../src/ratelimit/algorithms/token_bucket/step.ts'
import { scaleUp } from '../../src/ratelimit/algorithms/whole.ts'

const second = 1_000_000
const micros = (seconds: number) => Math.round(seconds * second)

function table<Rule, State extends Timed>(
  name: string,
  algorithm: Algorithm<Rule, State>,
  cases: Case<Rule>[],
) {
  describe(`${name}: the table`, () => {
    for (const { title, rule, steps } of cases) {
      test(title, () => {
        let state: State | undefined
        for (const step of steps) {
          const now = micros(step.at)
          const inForce = step.rule ?? rule
          if (step.giveBack !== undefined) {
            state = algorithm.giveBack(algorithm.at(state, inForce, now), inForce, step.giveBack)
          }
          const next = algorithm.step(state, inForce, step.cost ?? 1, now)
          const expected = {
            admitted: step.admitted,
            retryAfter: step.retryAfter === null ? null : micros(step.retryAfter ?? 0),
            ...(step.delay === undefined ? {} : { delay: micros(step.delay) }),
          }
          assert.partialDeepStrictEqual(next.decision, expected, `at ${step.at}`)
          // A denial need not be written: what follows is the same with and without it.
          if (!step.admitted) {
            assert.deepEqual(
              algorithm.standing(state, inForce, now),
              algorithm.standing(next.state, inForce, now),
            )
          }
          state = next.state
          const standing = { remaining: step.remaining, resetAfter: micros(step.resetAfter) }
          assert.deepEqual(algorithm.standing(state, inForce, now), standing, `at ${step.at}`)
          const idle = algorithm.expiresAt(state, inForce)
          assert.deepEqual(
            algorithm.at(state, inForce, idle),
            algorithm.at(undefined, inForce, idle),
            `idle from ${idle}`,
          )
        }
      })
    }
  })
}

table('fixed window', fixedWindow, fixedCases)
table('sliding window', slidingWindow, slidingCases)
table('token bucket', tokenBucket, tokenCases)
table('leaky bucket', leakyBucket, leakyCases)

const fixed = (limit: number, windowMs: number): LimitNumbers => ({
  algorithm: 'fixed_window',
  limit,
  windowMs,
})
const sliding = (limit: number, windowMs: number): LimitNumbers =>
  ({ ...fixed(limit, windowMs), algorithm: 'sliding_window' }) as LimitNumbers
const token = (capacity: number, tokens: number, everyMs: number): LimitNumbers => ({
  algorithm: 'token_bucket',
  capacity,
  refill: { tokens, everyMs },
})
const leaky = (queue: number, requests: number, everyMs: number): LimitNumbers => ({
  algorithm: 'leaky_bucket',
  queue,
  rate: { requests, everyMs },
})

describe('quota', () => {
  const quotas: [LimitNumbers, number, number][] = [
    [fixed(100, 60_000), 100, 60],
    [sliding(100, 1_500), 100, 2],
    [token(100, 100, 60_000), 100, 60],
    [token(10, 3, 1_000), 10, 4],
    [leaky(100, 2, 1_000), 101, 51],
    [leaky(0, 3, 1_000), 1, 1],
  ]
  for (const [numbers, quota, windowSeconds] of quotas) {
    test(`${JSON.stringify(numbers)} is ${quota} in ${windowSeconds} s`, () => {
      assert.deepEqual(bindRule(numbers).quota, { quota, windowSeconds })
    })
  }
})

describe('the unit of a policy', () => {
  const year = 8_784 * 3_600_000
  const units: [string, LimitNumbers[], TickUnit][] = [
    ['fixed windows only count', [fixed(1_000_000_000, year)], 1],
    ['100 a minute', [sliding(100, 60_000)], 1],
    ['the largest that microseconds hold', [sliding(75_059_993, 60_000)], 1],
    ['one more takes milliseconds', [sliding(75_059_994, 60_000)], 1_000],
    ['the largest of all counts', [sliding(1, 60_000), sliding(75_059_994, 1_000)], 1_000],
    ['a year takes seconds', [token(100_000_000, 1, year)], 1_000_000],
    ['a queue counts one more', [leaky(75_059_993, 1, 60_000)], 1_000],
  ]
  for (const [title, numbers, unit] of units) {
    test(title, () => assert.deepEqual(tickUnit(numbers), { unit }))
  }

  test('none, and the largest that would do, which then does', () => {
    const none = tickUnit([token(1_000_000_000, 1, year)])
    assert.deepEqual(none, { field: 'capacity', largest: 142_418_021 })
    assert.deepEqual(tickUnit([token(142_418_021, 1, year)]), { unit: 1_000_000 })
    assert.equal(tickUnit([token(142_418_022, 1, year)]).unit, undefined)
    const queue = tickUnit([leaky(1_000_000_000, 1, year)])
    assert.deepEqual(queue, { field: 'queue', largest: 142_418_020 })
    // A second does not divide the window, and nothing but the clock is ever rounded.
    const odd = tickUnit([sliding(1_000_000_000, year + 1)])
    assert.deepEqual(odd, { field: 'limit', largest: 142_418 })
    assert.throws(() => bindRule(sliding(1_000_000_000, year)), /no unit/)
  })

  test('at the largest numbers a decision is exact to one', () => {
    const limit = 75_059_993
    const rule = { limit, window: 60 * second, unit: 1 }
    const start = 1_800_000_000 * second
    const full = slidingWindow.step(undefined, rule, limit, start + 1).state
    const tight = start + 60 * second + 1
    // One microsecond into the next window the overlap is (W - 1) / W, and 1 of 75 million has faded.
    assert.equal(slidingWindow.step(full, rule, 1, tight).decision.admitted, true)
    assert.equal(slidingWindow.step(full, rule, 2, tight).decision.admitted, false)
    assert.equal(slidingWindow.step(full, rule, 1, tight - 1).decision.admitted, false)
  })
})

describe('carrying usage over', () => {
  const now = 1_800_000_000 * second
  const full = (numbers: LimitNumbers, cost: number) => bindRule(numbers).step(undefined, cost, now).state
  const rules = [fixed(10, 60_000), sliding(10, 60_000), token(10, 1, 6_000), leaky(9, 1, 6_000)]

  for (const from of rules) {
    for (const to of rules) {
      test(`${from.algorithm} to ${to.algorithm} keeps 4 of 10`, () => {
        const state = carryOver(full(from, 4), bindRule(from), bindRule(to), now)
        assert.equal(bindRule(to).standing(state, now).remaining, 6)
        assert.equal(bindRule(to).step(state, 7, now).decision.admitted, false)
        assert.equal(bindRule(to).step(state, 6, now).decision.admitted, true)
      })
    }
  }

  test('parts are rounded up, and a bucket takes no more than it holds', () => {
    const later = now + 500_000
    for (const from of [token(10, 1, 1_000), leaky(9, 1, 1_000)]) {
      const state = carryOver(full(from, 4), bindRule(from), bindRule(fixed(10, 60_000)), later)
      assert.equal(bindRule(fixed(10, 60_000)).standing(state, later).remaining, 6)
    }
    // A sixtieth of the last window's 4 has faded after a second: 3.93 counts as 4.
    const faded = now + 61 * second
    const state = carryOver(
      full(sliding(10, 60_000), 4),
      bindRule(sliding(10, 60_000)),
      bindRule(fixed(10, 60_000)),
      faded,
    )
    assert.equal(bindRule(fixed(10, 60_000)).standing(state, faded).remaining, 6)
    for (const to of [token(3, 1, 1_000), leaky(2, 1, 1_000)]) {
      const small = carryOver(full(fixed(10, 60_000), 10), bindRule(fixed(10, 60_000)), bindRule(to), now)
      assert.deepEqual(bindRule(to).standing(small, now), { remaining: 0, resetAfter: 3 * second })
    }
  })

  test('several edits that no request saw are applied each at its time', () => {
    const slow = bindRule(token(10, 1, 10_000))
    const fast = bindRule(token(10, 1, 1_000), { replaced: { bound: slow, at: now + 10 * second } })
    const last = bindRule(token(10, 1, 10_000), { replaced: { bound: fast, at: now + 15 * second } })
    const { state } = slow.step(undefined, 10, now)
    // 1 in the first 10 s, 5 in the next 5, 1 in the last 10.
    assert.deepEqual(last.standing(state, now + 25 * second), { remaining: 7, resetAfter: 30 * second })
    assert.equal(last.edits, 2)
  })

  test('a counter begun by a clock behind the time of the edit is the new rule’s', () => {
    for (const [before, after] of [
      [fixed(10, 60_000), fixed(5, 7_000)],
      [sliding(10, 60_000), sliding(5, 7_000)],
      [token(2, 1, 1), token(5, 1, 9_000)],
      [leaky(1, 1, 1), leaky(4, 1, 9_000)],
    ] as const) {
      const bound = bindRule(after, { replaced: { bound: bindRule(before), at: now } })
      const { state } = bound.step(undefined, 1, now - second)
      assert.deepEqual(bound.at(state, now), bindRule(after).step(undefined, 1, now).state)
      assert.equal(bound.standing(state, now - second).remaining, 4)
    }
  })

  test('edits without end are remembered up to a bound', () => {
    let bound = bindRule(token(10, 1, 1_000))
    for (let edit = 1; edit <= 1_000; edit++) {
      bound = bindRule(token(10, 1, 1_000 + edit), { replaced: { bound, at: now + edit } })
    }
    assert.equal(bound.edits, 8)
    assert.ok(JSON.stringify(bound.rule).length < 1_000)
  })

  test('usage beyond what a double holds stops at the largest, and denies', () => {
    assert.equal(scaleUp(2 ** 52 + 1, 3, 3), 2 ** 52 + 1)
    assert.equal(scaleUp(2 ** 52, 2 ** 40, 1), Number.MAX_SAFE_INTEGER)
    const wide = bindRule(token(1_000_000_000, 1, 1))
    const { state } = wide.step(undefined, 1_000_000_000, now)
    const narrow = bindRule(token(10, 1, 8_784 * 3_600_000))
    assert.equal(narrow.step(state, 1, now + second).decision.admitted, false)
  })
})

describe('no drift', () => {
  const start = 1_700_000_000 * second
  const steps = 1_000_000_000

  test('a token bucket after 10^9 steps, fast-forwarded by its period', () => {
    // 3 tokens in 7 ms: six requests, each at the first microsecond that has a token for it, take what 14 ms give.
    const rule = { capacity: 100, tokens: 3, every: 7_000, unit: 1 }
    const period = (state: Parameters<typeof tokenBucket.step>[0], from: number) => {
      let next = state
      for (let index = 0; index < 6; index++) {
        const result = tokenBucket.step(next, rule, 1, from + Math.ceil(((index + 1) * 7_000) / 3))
        assert.equal(result.decision.admitted, true)
        next = result.state
      }
      return next!
    }
    const drained = tokenBucket.step(undefined, rule, 100, start).state
    const first = period(drained, start)
    assert.deepEqual(first, { ...drained, at: start + 14_000 })
    // The state after one period is that before it, moved in time: so it is after any number of periods.
    const far = start + (steps / 6 - ((steps / 6) % 1)) * 14_000
    assert.deepEqual(period({ ...drained, at: far }, far), { ...drained, at: far + 14_000 })
  })

  test('a leaky bucket after 10^9 steps, fast-forwarded by its period', () => {
    const rule = { queue: 5, requests: 3, every: 1_000, unit: 1 }
    const full = leakyBucket.step(undefined, rule, 6, start).state
    let state = full
    for (const offset of [334, 667, 1_000]) {
      const { state: next, decision } = leakyBucket.step(state, rule, 1, start + offset)
      assert.equal(decision.admitted, true)
      assert.equal(leakyBucket.step(next, rule, 1, start + offset).decision.admitted, false)
      state = next
    }
    assert.deepEqual(state, { ...full, at: start + 1_000 })
    const far = start + Math.floor(steps / 3) * 1_000
    const after = leakyBucket.step({ ...full, at: far }, rule, 1, far + 1_000)
    assert.deepEqual(after.state, { ...full, at: far + 1_000, wait: full.wait - 2_000 })
  })

  test('a window after 10^9 windows is as the first', () => {
    const rule = { limit: 7, window: 1_000_000, unit: 1 }
    const old = slidingWindow.step(undefined, rule, 7, start).state
    const far = start + steps * 1_000_000
    assert.deepEqual(slidingWindow.step(old, rule, 2, far), slidingWindow.step(undefined, rule, 2, far))
    assert.deepEqual(
      fixedWindow.step({ ...old, count: 7 }, rule, 2, far),
      fixedWindow.step(undefined, rule, 2, far),
    )
  })

  test('a million steps of a clock that goes on and back give the rate and nothing more', () => {
    const rule = { capacity: 1_000, tokens: 1, every: 3, unit: 1 }
    let { state } = tokenBucket.step(undefined, rule, rule.capacity, start)
    let taken = rule.capacity
    let latest = start
    for (let index = 0; index < 1_000_000; index++) {
      const now = start + index + ((index * 7_919) % 1_000) - 500
      latest = Math.max(latest, now)
      const next = tokenBucket.step(state, rule, 1, now)
      state = next.state
      taken += Number(next.decision.admitted)
    }
    // The bucket is never full again, so nothing may be lost or won: to the last third of a token.
    assert.deepEqual(state, { at: latest, missing: taken * 3 - (latest - start), scale: 3 })
    assert.ok(taken > 300_000)
  })
})
