import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { LimitNumbers } from '../../src/model/limit-rule.ts'
import { bindRule } from '../../src/ratelimit/algorithms/bound-rule.ts'

const amount = fc.integer({ min: 0, max: 8 })
const rate = fc.integer({ min: 1, max: 5 })
const span = fc.integer({ min: 1, max: 20 })

const numbers: Record<LimitNumbers['algorithm'], fc.Arbitrary<LimitNumbers>> = {
  fixed_window: fc.record({ algorithm: fc.constant('fixed_window'), limit: amount, windowMs: span }),
  sliding_window: fc.record({ algorithm: fc.constant('sliding_window'), limit: amount, windowMs: span }),
  token_bucket: fc.record({
    algorithm: fc.constant('token_bucket'),
    capacity: amount,
    refill: fc.record({ tokens: rate, everyMs: span }),
  }),
  leaky_bucket: fc.record({
    algorithm: fc.constant('leaky_bucket'),
    queue: amount,
    rate: fc.record({ requests: rate, everyMs: span }),
  }),
}

const unit = fc.constantFrom(1 as const, 1_000 as const)

/** Requests and, where there are numbers, edits; each so many microseconds after the last. */
const schedule = (edit: fc.Arbitrary<LimitNumbers>) =>
  fc.array(
    fc.record({
      after: fc.integer({ min: 0, max: 6_000 }),
      cost: fc.integer({ min: 0, max: 3 }),
      edit: fc.option(edit, { freq: 8 }),
    }),
    { minLength: 10, maxLength: 30 },
  )

for (const algorithm of Object.keys(numbers) as LimitNumbers['algorithm'][]) {
  describe(`${algorithm} through edits`, () => {
    test('a counter that is carried over when it is next asked answers as one carried over at once', () => {
      const property = fc.property(
        numbers[algorithm],
        unit,
        schedule(numbers[algorithm]),
        (first, each, steps) => {
          let bound = bindRule(first, { unit: each })
          let lazy: unknown
          let eager: unknown
          let now = 1_700_000_000_000_000
          // Edits that the late counter has not seen: no more than are remembered.
          let unseen = 0
          for (const { after, cost, edit } of steps) {
            now += after
            if (edit !== null && unseen < 8) {
              unseen++
              // Of two edits in one tick of the last request the late counter sees the second, and rounds once.
              now += 1_000
              bound = bindRule(edit, { unit: each, replaced: { bound, at: now } })
              if (eager !== undefined) eager = bound.at(eager, now)
              continue
            }
            const late = bound.step(lazy, cost, now)
            const early = bound.step(eager, cost, now)
            assert.deepEqual(late.decision, early.decision)
            // Denials are not written here, and are there: it makes no difference.
            if (late.decision.admitted) {
              lazy = late.state
              unseen = 0
            }
            eager = early.state
          }
        },
      )
      fc.assert(property, { numRuns: 1_000 })
    })

    test('waits end at the first tick that admits, and what remains is admitted and not one more', () => {
      const property = fc.property(
        numbers[algorithm],
        unit,
        schedule(numbers[algorithm]),
        (first, each, steps) => {
          let bound = bindRule(first, { unit: each })
          let state: unknown
          let now = 1_700_000_000_000_000
          const admits = (cost: number, at: number) => bound.step(state, cost, at).decision.admitted
          for (const { after, cost, edit } of steps) {
            now += after
            if (edit !== null) bound = bindRule(edit, { unit: each, replaced: { bound, at: now } })
            const { state: next, decision } = bound.step(state, cost, now)
            if (decision.admitted) state = next
            else if (decision.retryAfter !== null) {
              const free = now - (now % bound.unit) + decision.retryAfter
              assert.ok(admits(cost, free), 'too early')
              assert.ok(!admits(cost, free - 1), 'too late')
            }
            const { remaining } = bound.standing(state, now)
            assert.ok(remaining === 0 || admits(remaining, now))
            assert.ok(!admits(remaining + 1, now))
          }
        },
      )
      fc.assert(property, { numRuns: 1_000 })
    })
  })
}
