import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { rowNumbers } from '../../src/ratelimit/algorithms/algorithm.ts'
import { algorithmNames, bindRule } from '../../src/ratelimit/algorithms/bound-rule.ts'
import { scaleDown } from '../../src/ratelimit/algorithms/whole.ts'
import { each } from '../support/hits.ts'

const start = 1_700_000_000_000_000
const steps = fc.array(
  fc.record({
    after: fc.integer({ min: 0, max: 4_000 }),
    cost: fc.integer({ min: 0, max: 4 }),
    giveBack: fc.option(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant(Number.MAX_SAFE_INTEGER)), {
      freq: 2,
    }),
  }),
  { minLength: 1, maxLength: 30 },
)

for (const [index, algorithm] of algorithmNames.entries()) {
  describe(`${algorithm}: what is kept of a counter`, () => {
    const numRuns = process.env.WEIR_LONG === '1' ? 100_000 : 1_000

    test('giving back gives no more than it says, and no more than is used', () => {
      let given = 0
      const property = fc.property(fc.integer({ min: 1, max: 7 }), steps, (amount, asked) => {
        const rule = bindRule(each(amount, 7)[index]!)
        let state: unknown
        let now = start
        for (const { after, cost, giveBack } of asked) {
          now += after
          if (giveBack !== null) {
            const before = rule.at(state, now)
            const next = rule.giveBack(before, giveBack)
            const [had, has] = [rule.used(before), rule.used(next)]
            assert.ok(has >= 0 && had - has <= giveBack, `${had} to ${has}`)
            assert.ok(has <= had)
            if (giveBack >= had) assert.equal(has, 0)
            // Its time is what it was.
            assert.deepEqual(rule.at(next, now), next)
            if (giveBack >= had) assert.deepEqual(rule.standing(next, now).remaining, rule.quota.quota)
            given += had - has
            state = next
          }
          state = rule.step(state, cost, now).state
        }
      })
      fc.assert(property, { numRuns })
      assert.ok(given > numRuns)
    })

    test('a state in a row of numbers reads as it was written', () => {
      const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
      const rule = bindRule(each(5, 10)[index]!)
      const numbers = new Float64Array(3 * rowNumbers)
      const property = fc.property(fc.array(whole, { minLength: 4, maxLength: 4 }), (values) => {
        numbers.set(values, rowNumbers)
        const state = rule.unpack(numbers, rowNumbers)
        assert.equal((state as { at: number }).at, values[0])
        numbers.fill(-1)
        rule.pack(state, numbers, rowNumbers)
        assert.deepEqual(rule.unpack(numbers, rowNumbers), state)
        assert.ok(numbers.every((number, at) => number === -1 || (at >= 4 && at < 8)))
        assert.deepEqual(Object.keys(state as object), Object.keys(rule.at(undefined, start) as object))
      })
      fc.assert(property)
    })
  })
}

describe('what is kept of a counter', () => {
  test('the numbers of a state stand as snapshots of format 1 have them', () => {
    const rows: Record<string, number[]> = {
      fixed_window: [start, 7_000, 2],
      sliding_window: [start, 7_000, 2, 0],
      token_bucket: [start, 14_000, 7_000],
      leaky_bucket: [start, 14_000, 1_000_000],
    }
    for (const [index, algorithm] of algorithmNames.entries()) {
      const rule = bindRule(each(5, 7)[index]!)
      const numbers = new Float64Array(rowNumbers)
      rule.pack(rule.step(undefined, 2, start).state, numbers, 0)
      assert.deepEqual([...numbers.subarray(0, rows[algorithm]!.length)], rows[algorithm], algorithm)
    }
  })

  test('what is given back is exact where products are no whole doubles', () => {
    assert.equal(scaleDown(2 ** 52 + 1, 3, 3), 2 ** 52 + 1)
    assert.equal(scaleDown(2 ** 52 + 1, 3, 2), 6_755_399_441_055_745)
    assert.equal(scaleDown(Number.MAX_SAFE_INTEGER, 2 ** 40, 1), Number.MAX_SAFE_INTEGER)
  })
})
