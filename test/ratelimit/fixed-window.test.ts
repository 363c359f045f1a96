import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type FixedWindowState, fixedWindow } from '../../src/ratelimit/algorithms/fixed_window/step.ts'

/** Written from the rule alone, sharing no code: all admitted costs are kept, and those of the request's window are summed. */
function oracle(limit: number, window: number) {
  const admitted: { at: number; cost: number }[] = []
  let latest = 0
  return (cost: number, clock: number): boolean => {
    latest = Math.max(latest, clock)
    const start = latest - (latest % window)
    const used = admitted.filter(({ at }) => at >= start).reduce((sum, each) => sum + each.cost, 0)
    const admits = used + cost <= limit
    if (admits) admitted.push({ at: latest, cost })
    return admits
  }
}

describe('fixed window: properties', () => {
  const schedule = fc.array(
    fc.record({ step: fc.integer({ min: -2_000, max: 5_000 }), cost: fc.integer({ min: 0, max: 6 }) }),
    { minLength: 1, maxLength: 60 },
  )

  test('agrees with a brute-force oracle on any schedule', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 1, max: 4_000 }),
        fc.integer({ min: 10_000, max: 2 ** 51 }),
        schedule,
        (limit, window, origin, steps) => {
          const expected = oracle(limit, window)
          let state: FixedWindowState | undefined
          let now = origin
          for (const { step, cost } of steps) {
            now += step
            const next = fixedWindow.step(state, { limit, window }, cost, now)
            assert.equal(next.decision.admitted, expected(cost, now))
            state = next.state
          }
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('a refused request that waits as long as it is told is admitted, and not a moment sooner', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 2, max: 5_000 }),
        schedule,
        (limit, window, steps) => {
          const rule = { limit, window }
          let state: FixedWindowState | undefined
          let now = 1_000_000
          for (const { step, cost } of steps) {
            now += Math.abs(step)
            const { state: after, decision } = fixedWindow.step(state, rule, cost, now)
            state = after
            if (decision.admitted || decision.retryAfter === null) continue
            assert.equal(
              fixedWindow.step(state, rule, cost, now + decision.retryAfter).decision.admitted,
              true,
            )
            assert.equal(
              fixedWindow.step(state, rule, cost, now + decision.retryAfter - 1).decision.admitted,
              false,
            )
          }
        },
      ),
    )
  })

  test('no drift: after 10^9 windows the state is what a fresh one would be', () => {
    const rule = { limit: 5, window: 1_000_000 }
    const old = fixedWindow.step(undefined, rule, 3, 1_000_000).state
    const later = 1_000_000 * 1_000_000_000 + 123_456
    assert.deepEqual(fixedWindow.step(old, rule, 2, later), fixedWindow.step(undefined, rule, 2, later))
  })
})
