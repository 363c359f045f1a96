import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createBusyKeys } from '../../src/ratelimit/counters/busy-keys.ts'
import { counterId } from '../support/hits.ts'

const minute = 60_000_000

function setUp() {
  const keys = createBusyKeys()
  let asked = 0
  return {
    keys,
    /** How many keys had to be shown. */
    shown: () => asked,
    see(name: string, admitted = true, now = 0) {
      const shown = () => {
        asked++
        return [{ part: 'header:x', value: name }]
      }
      keys.add({ key: counterId(name), numbers: '', admitted, shown }, now)
    },
    names: (count: number, now = 0) => keys.top(count, now).map(({ parts }) => parts[0]!.value),
  }
}

describe('the busiest keys', () => {
  test('are those that were refused most, then those that asked most', () => {
    const { see, names, shown } = setUp()
    for (let index = 0; index < 5; index++) see('patient')
    for (let index = 0; index < 2; index++) see('throttled', false)
    see('rare')
    assert.deepEqual(names(2), ['throttled', 'patient'])
    assert.equal(shown(), 3)
  })

  test('hold every key with more than its share, whatever else comes, with a count that is too low by the error at most', () => {
    const requests = fc.array(fc.integer({ min: 0, max: 4_000 }), { minLength: 3_000, maxLength: 6_000 })
    fc.assert(
      fc.property(requests, fc.integer({ min: 20, max: 60 }), (others, often) => {
        const { keys, see } = setUp()
        const counts = new Map<string, number>()
        for (const [index, other] of others.entries()) {
          for (const name of index % Math.ceil(others.length / often) === 0
            ? ['often', `k${other}`]
            : [`k${other}`]) {
            see(name)
            counts.set(name, (counts.get(name) ?? 0) + 1)
          }
        }
        const all = keys.top(1_000, 0)
        assert.ok(all.length <= 512)
        const total = [...counts.values()].reduce((sum, count) => sum + count)
        for (const [name, count] of counts) {
          const watched = keys.find(counterId(name))
          if (count > total / 512) assert.ok(watched !== undefined, name)
          if (watched === undefined) continue
          assert.ok(watched.admitted <= count && count <= watched.admitted + watched.error, name)
        }
      }),
      { numRuns: process.env.WEIR_LONG === '1' ? 300 : 10 },
    )
  })

  test('are of late: counts halve each minute', () => {
    const { keys, see } = setUp()
    for (let index = 0; index < 8; index++) see('once', true, minute)
    const admitted = (now: number) => keys.top(1, now)[0]!.admitted
    assert.deepEqual([admitted(1.5 * minute), admitted(2 * minute), admitted(4 * minute)], [8, 4, 1])
  })
})
