import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { algorithmNames, type BoundRule, bindRule } from '../../src/ratelimit/algorithms/bound-rule.ts'
import type { Hit } from '../../src/ratelimit/stores/counter-store.ts'
import { counterPrefix, memoKey } from '../../src/ratelimit/stores/redis/counter-key.ts'
import { createRedisStore } from '../../src/ratelimit/stores/redis/redis-store.ts'
import { loadScripts } from '../../src/ratelimit/stores/redis/scripts.ts'
import { Ledger } from '../../src/ratelimit/stores/resilient/ledger.ts'
import { merge } from '../../src/ratelimit/stores/resilient/merge.ts'
import { sharedRule, slowedRule } from '../../src/ratelimit/stores/resilient/shares.ts'
import { counterUnder, each, hitOn } from '../support/hits.ts'
import { valkeyOfTests } from '../support/valkey-link.ts'

const two = { replicas: 2, rank: 0 }
const shareOf = (rule: BoundRule) => sharedRule(rule, two)
const start = 1_700_000_000_000_000
const limit = 20
const windowMs = 100
let runs = 0

describe('what was counted alone is added to the store', () => {
  const valkey = valkeyOfTests()

  /** A store, and the ledger of a replica of two, on a clock that stands until it is moved. */
  function setUp(hit: Hit) {
    let now = start
    const clock = () => now
    const store = createRedisStore({ link: valkey.link, clock, monotonic: clock, graceMs: 60_000 })
    const script = loadScripts().merge
    let lost = 0
    const givenUp: string[] = []
    const ledger = new Ledger({
      slowed: (rule) => slowedRule(rule, two),
      onGivenUp: (policy) => void givenUp.push(policy),
      clock,
      most: 200,
      async merge(on, alone) {
        await merge({ link: valkey.link, script, id: 'a', graceMs: 60_000, clock }, on, alone)
        // The store did it, and its answer did not come.
        if (lost > 0) {
          lost--
          throw new Error('Connection is closed.')
        }
      },
    })
    return {
      store,
      ledger,
      pass(ms: number) {
        now += ms * 1_000
      },
      loseAnswers(count: number) {
        lost = count
      },
      async flush() {
        while (ledger.size > 0) await ledger.flush().catch(() => undefined)
      },
      used: async (of = hit) => (await store.peek('p', of.counter, of.rule))?.used ?? 0,
      now: clock,
      givenUp,
    }
  }

  for (const [index, name] of algorithmNames.entries()) {
    test(`${name}: once, however often the answer is lost`, async () => {
      const steps = fc.array(fc.record({ alone: fc.nat(3), store: fc.nat(3), lost: fc.nat(2) }), {
        minLength: 1,
        maxLength: 4,
      })
      const property = fc.asyncProperty(steps, async (all) => {
        const hit = hitOn(`${name} ${runs++}`, each(limit, windowMs)[index]!)
        const share = shareOf(hit.rule)
        const { store, ledger, loseAnswers, flush, used } = setUp(hit)
        let expected = 0
        for (const { alone, store: direct, lost } of all) {
          for (let count = 0; count < alone; count++) ledger.add(hit, share)
          for (let count = 0; count < direct; count++) {
            if ((await store.take([hit])).admitted) expected++
          }
          loseAnswers(lost)
          await flush()
          loseAnswers(0)
          expected += alone
          assert.equal(await used(), expected)
        }
      })
      await fc.assert(property, { numRuns: 30 })
    })
  }

  const isOver: [string, number, BoundRule, number][] = [
    ['a window that is over adds nothing', windowMs, bindRule(each(limit, windowMs)[0]!), 0],
    // All of the window before, and none of it has faded.
    ['the window before counts as such', windowMs, bindRule(each(limit, windowMs)[1]!), 8],
    ['half of the window before has faded', windowMs * 1.5, bindRule(each(limit, windowMs)[1]!), 4],
    // A token comes back each 100 ms, to one of two replicas each 200 ms.
    ['what a bucket has got back since adds nothing', windowMs * 4, bindRule(each(limit, windowMs)[2]!), 6],
    ['nor what a queue has let go', windowMs * 4, bindRule(each(limit, windowMs)[3]!), 6],
  ]
  for (const [what, ms, rule, expected] of isOver) {
    test(`${rule.algorithm}: ${what}`, async () => {
      const hit = hitOn(`over ${runs++}`, rule)
      const { ledger, pass, flush, used } = setUp(hit)
      for (let count = 0; count < 8; count++) ledger.add(hit, shareOf(rule))
      pass(ms)
      await flush()
      assert.equal(await used(), expected)
    })
  }

  test('beyond the limit, where more was admitted alone than the store had left', async () => {
    const hit = hitOn(`beyond ${runs++}`, each(limit, windowMs)[0]!)
    const { store, ledger, flush, used } = setUp(hit)
    await store.take([{ ...hit, cost: limit }])
    for (let count = 0; count < 5; count++) ledger.add(hit, shareOf(hit.rule))
    await flush()
    assert.equal(await used(), limit + 5)
  })

  test('what the store refuses to add keeps nothing else back, and is given up', async () => {
    const [hit, other] = [1, 2].map(() => hitOn(`refused ${runs++}`, each(limit, 60_000)[0]!))
    const { ledger, pass, used, givenUp } = setUp(hit!)
    const memo = counterPrefix('p') + memoKey(hit!.counter, hit!.rule.algorithm)
    await valkey.link.client.set(memo, 'another type')
    ledger.add(hit!, shareOf(hit!.rule))
    for (let count = 0; count < 100; count++)
      ledger.add(hitOn(`many ${count}`, hit!.rule), shareOf(hit!.rule))
    ledger.add(other!, shareOf(other!.rule))
    assert.equal(await ledger.flush(), 101)
    assert.equal(await used(other), 1)
    pass(9_999)
    assert.equal(await ledger.flush(), 0)
    assert.deepEqual([ledger.size, givenUp], [1, []])
    pass(1)
    await ledger.flush()
    assert.deepEqual([ledger.size, givenUp], [0, ['p']])
    assert.equal(await used(), 0)
  })

  /** A key before an edit of its algorithm, and after one that is made once `edit` is called. */
  function edited(from: number, to: number) {
    const name = `edited ${runs++}`
    const under = (index: number, more: Partial<Hit> = {}) =>
      hitOn(name, each(limit, windowMs)[index]!, {
        counter: counterUnder(name, algorithmNames[index]!),
        ...more,
      })
    let after: Hit | undefined
    const before = under(from, { latest: () => after })
    return {
      before,
      edit(until: number): Hit {
        const next = under(to).rule
        const { counter, rule } = before
        after = under(to, { former: () => [{ counter, rule, until, next }] })
        return after
      },
    }
  }

  for (const [from, before] of algorithmNames.entries())
    for (const [to, after] of algorithmNames.entries()) {
      if (from === to) continue
      test(`${before}, made ${after} meanwhile: by the first request, or without one`, async () => {
        for (const isAsked of [true, false]) {
          const key = edited(from, to)
          const { store, ledger, flush, used, now } = setUp(key.before)
          for (let count = 0; count < 4; count++) ledger.add(key.before, shareOf(key.before.rule))
          const next = key.edit(now())
          // Another replica begins the new counter.
          assert.ok((await store.take([{ ...next, cost: 2 }])).admitted)
          if (isAsked) await ledger.settle([next])
          else await flush()
          assert.equal(ledger.size, 0)
          assert.equal(await used(next), 6)
          assert.equal(await used(key.before), 0)
        }
      })
    }

  test('an answer that is lost before the edit is not added again after it', async () => {
    const key = edited(0, 2)
    const { store, ledger, loseAnswers, flush, used, now } = setUp(key.before)
    for (let count = 0; count < 4; count++) ledger.add(key.before, shareOf(key.before.rule))
    loseAnswers(1)
    await assert.rejects(ledger.flush())
    const next = key.edit(now())
    assert.ok((await store.take([next])).admitted)
    await flush()
    assert.equal(await used(next), 5)
  })

  test('the change is applied at its time: half of the window in which it was made has faded', async () => {
    const key = edited(0, 1)
    const { ledger, pass, flush, used, now } = setUp(key.before)
    for (let count = 0; count < 8; count++) ledger.add(key.before, shareOf(key.before.rule))
    const next = key.edit(now())
    pass(windowMs * 1.5)
    await flush()
    assert.equal(await used(next), 4)
  })
})
