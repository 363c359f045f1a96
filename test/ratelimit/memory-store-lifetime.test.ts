import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { LimitNumbers } from '../../src/model/limit-rule.ts'
import { bindRule } from '../../src/ratelimit/algorithms/bound-rule.ts'
import type { Former, Hit } from '../../src/ratelimit/stores/counter-store.ts'
import { counterId, each, hitOn } from '../support/hits.ts'
import { fixed } from '../support/limit-rules.ts'
import { second, setUpStore } from '../support/memory-store.ts'

function hit(name: string, limit: number, more: Partial<Hit> = {}): Hit {
  return hitOn(name, fixed(limit), more)
}

describe('memory store: counters that are over', () => {
  test('go with the requests that follow', () => {
    const { store, pass } = setUpStore(100_000)
    for (let index = 0; index < 1_000; index++) store.take([hit(`key ${index}`, 1)])
    assert.equal(store.size(), 1_000)
    pass(20)
    for (let index = 0; index < 1_000; index++) store.take([hit('one', 1_000_000)])
    assert.equal(store.size(), 1)
  })

  test('new keys without end, each over soon, need no more room than those that live', () => {
    const { store, pass, overflows } = setUpStore(1_000)
    for (let index = 0; index < 100_000; index++) {
      store.take([hit(`key ${index}`, 1)])
      pass(0.1)
    }
    // A window has 100 new keys; the rest is what the sweep has not come to yet.
    assert.ok(store.size() < 500, `${store.size()}`)
    assert.deepEqual(overflows, [])
  })

  test('stay until all rules that they were used by find them idle', () => {
    const { store, pass, sweep } = setUpStore()
    const slow = fixed(5, 100_000)
    store.take([hitOn('a', slow)])
    store.take([hitOn('a', fixed(5, 10_000))])
    pass(20)
    sweep()
    assert.equal(store.size(), 1)
    pass(100)
    sweep()
    assert.equal(store.size(), 0)
  })

  test('stay as long as an edit asks for, where they were not used since', () => {
    const { store, now, pass, sweep } = setUpStore()
    const [quick, slow] = [fixed(3, 1_000), fixed(3, 60_000)]
    store.take([hitOn('used before', quick), hitOn('used after', quick)])
    store.take([hitOn('another’s', quick, { policy: 'q' })])
    const bound = bindRule(slow, { replaced: { bound: bindRule(quick), at: now() } })
    store.keep('p', 60 * second)
    store.keep('nobody', 60 * second)
    pass(0.5)
    // A use after the edit says anew when it is over.
    store.take([hitOn('used after', quick)])
    pass(5)
    sweep()
    assert.equal(store.size(), 1)
    assert.equal(store.look([hitOn('used before', bound)]).outcomes[0]!.remaining, 2)
    pass(60)
    sweep()
    assert.equal(store.size(), 0)
  })
})

describe('memory store: another algorithm', () => {
  const [window, , bucket, leaky] = each(5, 10_000) as [
    LimitNumbers,
    LimitNumbers,
    LimitNumbers,
    LimitNumbers,
  ]
  const former = (name: string, rule: LimitNumbers, next: LimitNumbers, until: number): Former => ({
    counter: counterId(`p/${name}`),
    rule: bindRule(rule),
    until,
    next: bindRule(next),
  })

  test('carries the usage over, and the old counter is gone', () => {
    const { store, now } = setUpStore()
    store.take([hitOn('old', window, { cost: 3 })])
    const asked = hitOn('new', bucket, { former: () => [former('old', window, bucket, now())] })
    assert.equal(store.look([asked]).outcomes[0]!.remaining, 2)
    assert.equal(store.peek('p', counterId('p/old'), bindRule(window))!.used, 3)
    // A request that is refused carries it over, too, and takes nothing.
    assert.equal(store.take([{ ...asked, cost: 3 }]).admitted, false)
    assert.equal(store.size(), 1)
    assert.equal(store.peek('p', counterId('p/old'), bindRule(window)), undefined)
    assert.equal(store.peek('p', asked.counter, asked.rule)!.used, 3)
    assert.equal(store.take([asked, asked]).admitted, true)
    assert.equal(store.peek('p', asked.counter, asked.rule)!.used, 5)
  })

  test('two changes that no request saw between are each made at their time', () => {
    const { store, now, pass } = setUpStore()
    store.take([hitOn('first', bucket, { cost: 4 })])
    pass(10)
    // A token came back by now: 3 are used, and two of three turns pass in the queue until the second change.
    const first = former('first', bucket, leaky, now())
    pass(20)
    const second = former('second', leaky, window, now())
    pass(5)
    const asked = hitOn('third', window, { former: () => [second, first] })
    assert.equal(store.take([asked]).outcomes[0]!.remaining, 3)
    assert.equal(store.size(), 1)
  })

  test('a counter that is there already is not carried over again', () => {
    const { store } = setUpStore()
    store.take([hitOn('old', window, { cost: 3 }), hitOn('new', bucket)])
    const asked = hitOn('new', bucket, { former: () => assert.fail('asked for what it has') })
    assert.equal(store.take([asked]).outcomes[0]!.remaining, 3)
    assert.equal(store.size(), 2)
  })

  test('a full store carries over what it holds', () => {
    const { store, now, overflows } = setUpStore(1)
    store.take([hitOn('old', window, { cost: 3 })])
    const asked = hitOn('new', bucket, { former: () => [former('old', window, bucket, now())] })
    assert.equal(store.take([asked]).outcomes[0]!.remaining, 1)
    assert.deepEqual(overflows, [])
  })
})

describe('memory store: full', () => {
  test('every counter stays, and new keys of a policy share one', () => {
    const { store, pass, overflows } = setUpStore(10)
    for (let index = 0; index < 10; index++) store.take([hit(`honest ${index}`, 2)])
    for (let index = 0; index < 1_000; index++) store.take([hit(`random ${index}`, 2)])
    assert.equal(store.size(), 11)
    assert.equal(overflows.length, 1_000)
    // Each honest key has used one of two, and no flood gave it back.
    for (let index = 0; index < 10; index++) {
      assert.equal(store.take([hit(`honest ${index}`, 2)]).admitted, true)
      assert.equal(store.take([hit(`honest ${index}`, 2)]).admitted, false)
    }
    assert.equal(store.look([hit('newcomer', 2)]).admitted, false)
    assert.equal(overflows.length, 1_000)
    // Other policies still have their fair share: half of the store where there are two.
    const other = { policy: 'other' }
    for (let index = 0; index < 5; index++) {
      assert.equal(store.take([hit(`other ${index}`, 1, other)]).admitted, true)
    }
    assert.equal(store.take([hit('one too many', 1, other)]).admitted, true)
    assert.equal(store.take([hit('two too many', 1, other)]).admitted, false)
    assert.ok(store.size() <= 20)
    pass(20)
    for (let index = 0; index < 100; index++) store.take([hit('newcomer', 200)])
    assert.ok(store.size() <= 3)
  })

  test('two new keys of one request that have to share see each other', () => {
    const { store } = setUpStore(1)
    store.take([hit('honest', 1)])
    assert.equal(store.take([hit('one', 1), hit('two', 1)]).admitted, false)
    assert.equal(store.take([hit('one', 2), hit('two', 2)]).admitted, true)
  })

  test('floods of one policy after the other stay within twice the bound', () => {
    const { store } = setUpStore(100)
    for (let policy = 0; policy < 20; policy++) {
      for (let key = 0; key < 200; key++) {
        store.take([hit(`${key}`, 1, { policy: `p${policy}` })])
      }
    }
    // Beyond them there are the counters that the policies' other keys share.
    assert.ok(store.size() >= 200 && store.size() <= 220, `${store.size()}`)
  })

  test('a policy whose counters are gone no longer has a share', () => {
    const { store, pass, sweep } = setUpStore(10)
    for (let policy = 0; policy < 5; policy++) store.take([hit('a', 1, { policy: `p${policy}` })])
    pass(20)
    sweep()
    const { shares } = store.counters
    assert.deepEqual(shares.list(), [])
    store.take([hit('a', 1, { policy: 'new' })])
    assert.equal(shares.list()[0]!.index < 5, true)
  })
})
