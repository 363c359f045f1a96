import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { LimitRule } from '../../src/model/limit-rule.ts'
import { bindRule } from '../../src/ratelimit/algorithms/bound-rule.ts'
import type { Hit } from '../../src/ratelimit/stores/counter-store.ts'
import { createMemoryStore } from '../../src/ratelimit/stores/memory/memory-store.ts'

function setUp(maxCounters = 1_000) {
  let now = 1_000_000_000
  const store = createMemoryStore({ clock: () => now, maxCounters })
  const take = (hits: Hit[]) => {
    const taken = store.take(hits)
    assert.ok(!(taken instanceof Promise))
    return taken
  }
  return {
    store,
    take,
    pass: (seconds: number) => {
      now += seconds * 1_000_000
    },
  }
}

function hit(counter: string, limit: number, cost = 1, policy = 'p'): Hit {
  const rule: LimitRule = { policy, algorithm: 'fixed_window', limit, windowMs: 10_000, key: [] }
  return { counter, overflow: `${policy}/*`, policy, rule: bindRule(rule), cost }
}

describe('memory store', () => {
  test('takes from all counters of a request or from none', () => {
    const { take } = setUp()
    assert.equal(take([hit('a', 1)]).admitted, true)
    const both = take([hit('b', 5), hit('a', 1)])
    assert.equal(both.admitted, false)
    assert.deepEqual(
      both.outcomes.map(({ admitted, remaining }) => ({ admitted, remaining })),
      [
        { admitted: true, remaining: 5 },
        { admitted: false, remaining: 0 },
      ],
    )
    assert.equal(take([hit('b', 5)]).outcomes[0]!.remaining, 4)
  })

  test('two hits of one request on one counter count twice, or not at all', () => {
    const { take } = setUp()
    assert.equal(take([hit('a', 3), hit('a', 3)]).admitted, true)
    assert.equal(take([hit('a', 3), hit('a', 3)]).admitted, false)
    assert.equal(take([hit('a', 3)]).admitted, true)
  })

  test('counters that are over go with the requests that follow', () => {
    const { store, take, pass } = setUp(100_000)
    for (let index = 0; index < 1_000; index++) take([hit(`key ${index}`, 1)])
    assert.equal(store.size(), 1_000)
    pass(20)
    for (let index = 0; index < 1_000; index++) take([hit('one', 1_000_000)])
    assert.equal(store.size(), 1)
  })

  test('a full store keeps every counter that it has, and new keys of a policy share one', () => {
    const { store, take, pass } = setUp(10)
    for (let index = 0; index < 10; index++) take([hit(`honest ${index}`, 2)])
    for (let index = 0; index < 1_000; index++) take([hit(`random ${index}`, 2)])
    assert.equal(store.size(), 11)
    // Each honest key has used one of two, and no flood gave it back.
    for (let index = 0; index < 10; index++) {
      assert.equal(take([hit(`honest ${index}`, 2)]).admitted, true)
      assert.equal(take([hit(`honest ${index}`, 2)]).admitted, false)
    }
    assert.equal(take([hit('newcomer', 2)]).admitted, false)
    // Other policies still have their fair share: half of the store where there are two.
    for (let index = 0; index < 5; index++) {
      assert.equal(take([hit(`other ${index}`, 1, 1, 'other')]).admitted, true)
    }
    assert.equal(take([hit('one too many', 1, 1, 'other')]).admitted, true)
    assert.equal(take([hit('two too many', 1, 1, 'other')]).admitted, false)
    assert.ok(store.size() <= 20)
    pass(20)
    for (let index = 0; index < 100; index++) take([hit('newcomer', 200)])
    assert.ok(store.size() <= 3)
  })
})
