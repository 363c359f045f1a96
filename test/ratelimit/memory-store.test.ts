import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bindRule } from '../../src/ratelimit/algorithms/bound-rule.ts'
import type { Hit } from '../../src/ratelimit/stores/counter-store.ts'
import { each, hitOn } from '../support/hits.ts'
import { fixed } from '../support/limit-rules.ts'
import { second, setUpStore } from '../support/memory-store.ts'

function hit(name: string, limit: number, more: Partial<Hit> = {}): Hit {
  return hitOn(name, fixed(limit), more)
}

const shadow = { enforced: false }

describe('memory store: a request', () => {
  test('takes from all counters or from none', () => {
    const { store } = setUpStore()
    assert.equal(store.take([hit('a', 1)]).admitted, true)
    const both = store.take([hit('b', 5), hit('a', 1)])
    assert.equal(both.admitted, false)
    assert.deepEqual(
      both.outcomes.map(({ admitted, remaining }) => ({ admitted, remaining })),
      [
        { admitted: true, remaining: 5 },
        { admitted: false, remaining: 0 },
      ],
    )
    assert.equal(store.take([hit('b', 5)]).outcomes[0]!.remaining, 4)
  })

  test('two hits of it on one counter count twice, or not at all', () => {
    const { store } = setUpStore()
    const twice = store.take([hit('a', 3), hit('a', 3)])
    assert.deepEqual(
      twice.outcomes.map(({ remaining }) => remaining),
      [1, 1],
    )
    assert.equal(store.take([hit('a', 3), hit('a', 3)]).admitted, false)
    assert.equal(store.take([hit('a', 3)]).admitted, true)
  })

  test('without hits is admitted', () => {
    assert.deepEqual(setUpStore().store.take([]), { admitted: true, outcomes: [] })
  })

  test('hits in shadow neither deny nor take from what is full', () => {
    const { store } = setUpStore()
    const hits = [hit('s', 1, shadow), hit('a', 5)]
    assert.equal(store.take(hits).admitted, true)
    const { admitted, outcomes } = store.take(hits)
    assert.equal(admitted, true)
    assert.deepEqual(
      outcomes.map(({ admitted, remaining }) => ({ admitted, remaining })),
      [
        { admitted: false, remaining: 0 },
        { admitted: true, remaining: 3 },
      ],
    )
  })

  test('hits in shadow take nothing where an enforced one denies, wherever they stand', () => {
    const { store } = setUpStore()
    store.take([hit('a', 1)])
    const denied = store.take([hit('s', 5, shadow), hit('a', 1), hit('t', 5, shadow)])
    assert.equal(denied.admitted, false)
    assert.deepEqual(
      denied.outcomes.map(({ admitted, remaining }) => ({ admitted, remaining })),
      [
        { admitted: true, remaining: 5 },
        { admitted: false, remaining: 0 },
        { admitted: true, remaining: 5 },
      ],
    )
    assert.equal(store.size(), 1)
  })

  test('a hit in shadow is judged against what the enforced ones left, and one in shadow before it', () => {
    const { store } = setUpStore()
    const { outcomes } = store.take([hit('a', 2, shadow), hit('a', 2), hit('a', 2, shadow)])
    assert.deepEqual(
      outcomes.map(({ admitted, remaining }) => ({ admitted, remaining })),
      [
        { admitted: true, remaining: 0 },
        { admitted: true, remaining: 0 },
        { admitted: false, remaining: 0 },
      ],
    )
  })

  test('each algorithm keeps its state, waits and delays', () => {
    const { store, pass } = setUpStore()
    for (const numbers of each(2, 1_000)) {
      const ask = () => store.take([hitOn(numbers.algorithm, numbers)]).outcomes[0]!
      assert.equal(ask().delay, 0)
      assert.equal(ask().delay, numbers.algorithm === 'leaky_bucket' ? second : 0)
      const refused = ask()
      assert.equal(refused.admitted, false)
      pass(refused.retryAfter! / second)
      assert.equal(ask().admitted, true)
    }
  })

  test('what leaves a counter idle begins none', () => {
    const { store } = setUpStore()
    assert.equal(store.take([hit('a', 1, { cost: 0 }), hit('b', 0, { cost: 0 })]).admitted, true)
    assert.equal(store.size(), 0)
  })
})

describe('memory store: looking', () => {
  test('says what a request would be told, and changes nothing', () => {
    const { store } = setUpStore()
    const hits = [hit('a', 1), hit('a', 1), hit('b', 3, shadow)]
    const seen = store.look(hits)
    assert.equal(seen.admitted, false)
    assert.deepEqual(
      seen.outcomes.map(({ admitted, remaining }) => ({ admitted, remaining })),
      [
        { admitted: true, remaining: 1 },
        { admitted: false, remaining: 1 },
        { admitted: true, remaining: 3 },
      ],
    )
    assert.equal(store.size(), 0)
    assert.equal(store.look([hit('a', 1)]).admitted, true)
    // Two in shadow see each other, as they would in a request that is taken.
    const twice = store.look([hit('c', 1, shadow), hit('c', 1, shadow)])
    assert.deepEqual(
      twice.outcomes.map(({ admitted }) => admitted),
      [true, false],
    )
  })

  test('a counter shows what is in use, to its own policy', () => {
    const { store, pass } = setUpStore()
    for (const numbers of each(5, 10_000)) {
      const asked = hitOn(numbers.algorithm, numbers, { cost: 3 })
      const view = () => store.peek('p', asked.counter, asked.rule)
      assert.equal(view(), undefined)
      store.take([asked])
      assert.equal(view()!.used, 3)
      assert.equal(view()!.remaining, 2)
      assert.equal(store.peek('other', asked.counter, asked.rule), undefined)
      pass(40)
      assert.equal(view(), undefined)
    }
  })

  test('a counter of another algorithm is none of the rule’s', () => {
    const { store } = setUpStore()
    const [window, , bucket] = each(5, 10_000)
    const taken = hitOn('a', window!)
    store.take([taken])
    assert.equal(store.peek('p', taken.counter, bindRule(bucket!)), undefined)
    assert.equal(store.grant('p', taken.counter, bindRule(bucket!), 1), false)
  })
})

describe('memory store: resetting and granting', () => {
  test('a counter that is reset is idle again', () => {
    const { store } = setUpStore()
    store.take([hit('a', 1)])
    assert.equal(store.reset('other', hit('a', 1).counter), false)
    assert.equal(store.reset('p', hit('a', 1).counter), true)
    assert.equal(store.reset('p', hit('a', 1).counter), false)
    assert.equal(store.size(), 0)
    assert.equal(store.take([hit('a', 1)]).admitted, true)
  })

  test('one that is over was none', () => {
    const { store, pass } = setUpStore()
    store.take([hit('a', 1), hit('b', 1)])
    pass(20)
    assert.equal(store.grant('p', hit('a', 1).counter, hit('a', 1).rule, 1), false)
    assert.equal(store.reset('p', hit('a', 1).counter), false)
    assert.equal(store.size(), 1)
  })

  test('a grant gives back what it says and never more than is used', () => {
    const { store } = setUpStore()
    for (const numbers of each(5, 10_000)) {
      const full = hitOn(numbers.algorithm, numbers, { cost: 5 })
      store.take([full])
      assert.equal(store.grant('other', full.counter, full.rule, 2), false)
      assert.equal(store.grant('p', full.counter, full.rule, 2), true)
      assert.equal(store.peek('p', full.counter, full.rule)!.remaining, 2)
      assert.equal(store.take([{ ...full, cost: 3 }]).admitted, false)
      assert.equal(store.grant('p', full.counter, full.rule, Number.MAX_SAFE_INTEGER), true)
      assert.equal(store.peek('p', full.counter, full.rule), undefined)
      assert.equal(store.grant('p', full.counter, full.rule, 1), false)
      assert.equal(store.take([full]).admitted, true)
      assert.equal(store.take([{ ...full, cost: 1 }]).admitted, false)
    }
  })
})
