import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createSteadyClock } from '../../src/ratelimit/clock.ts'

const start = 1_700_000_000_000_000
const second = 1_000_000

/** A clock whose sources stand until they are moved. */
function setUp() {
  let wall = start
  let monotonic = 5
  const clock = createSteadyClock({ wall: () => wall, monotonic: () => monotonic })
  return {
    clock,
    wall: () => wall,
    /** Time that passes, and what the wall clock is set forward by meanwhile, or back. */
    pass(time: number, set = 0) {
      monotonic += time
      wall += time + set
    },
  }
}

describe('the steady clock', () => {
  test('is the wall clock while that goes on', () => {
    const { clock, pass, wall } = setUp()
    assert.equal(clock(), start)
    for (const time of [0, 1, 999, 5 * second]) {
      pass(time)
      assert.equal(clock(), wall())
    }
  })

  test('follows a wall clock that is set forward at once', () => {
    const { clock, pass } = setUp()
    pass(second, 3_600 * second)
    assert.equal(clock(), start + 3_601 * second)
    pass(second)
    assert.equal(clock(), start + 3_602 * second)
  })

  test('goes on at nine tenths while the wall clock is behind it, then follows it again', () => {
    const { clock, pass, wall } = setUp()
    pass(second)
    assert.equal(clock(), start + second)
    pass(0, -60 * second)
    assert.equal(clock(), start + second)
    pass(10 * second)
    assert.equal(clock(), start + 10 * second)
    pass(580 * second)
    assert.equal(clock(), start + 532 * second)
    // A tenth of 600 s makes up for the 60.
    pass(10 * second)
    assert.equal(clock(), wall())
    pass(second)
    assert.equal(clock(), wall())
  })

  test('loses nothing to rounding, however often it is asked', () => {
    const { clock, pass } = setUp()
    pass(0, -second)
    for (let index = 0; index < 1_000; index++) {
      pass(1)
      clock()
    }
    assert.equal(clock(), start + 900)
  })

  test('goes on between two ticks of a coarse wall clock', () => {
    let monotonic = 0
    const wall = () => start + monotonic - (monotonic % 1_000)
    const clock = createSteadyClock({ wall, monotonic: () => monotonic })
    monotonic = 500
    assert.equal(clock(), start + 450)
    monotonic = 999
    assert.equal(clock(), start + 899)
    monotonic = 1_001
    assert.equal(clock(), start + 1_000)
  })

  test('never goes back, and is never behind the wall clock nor further ahead than that ever was', () => {
    const moves = fc.array(
      fc.record({
        time: fc.integer({ min: 0, max: 100_000 }),
        set: fc.option(fc.integer({ min: -1_000_000, max: 1_000_000 }), { freq: 3 }),
      }),
    )
    const property = fc.property(moves, (all) => {
      const { clock, pass, wall } = setUp()
      let last = clock()
      let furthest = start
      for (const { time, set } of all) {
        pass(time, set ?? 0)
        furthest = Math.max(furthest + time, wall())
        const now = clock()
        assert.ok(now >= last && now >= wall() && now <= furthest && Number.isInteger(now))
        last = now
      }
    })
    fc.assert(property, { numRuns: process.env.WEIR_LONG === '1' ? 100_000 : 1_000 })
  })
})
