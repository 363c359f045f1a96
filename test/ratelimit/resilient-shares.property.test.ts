import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { algorithmNames, bindRule } from '../../src/ratelimit/algorithms/bound-rule.ts'
import { createMemoryStore } from '../../src/ratelimit/stores/memory/memory-store.ts'
import { Fallbacks } from '../../src/ratelimit/stores/resilient/fallback.ts'
import { Ledger } from '../../src/ratelimit/stores/resilient/ledger.ts'
import { bounds, sharedRule, shareOf } from '../../src/ratelimit/stores/resilient/shares.ts'
import { each, hitOn } from '../support/hits.ts'

const ms = 1_000
const start = 1_700_000_000_000_000

/** What the rule lets pass at most from `start` on, in so many microseconds that begin with a window. */
function most(algorithm: number, limit: number, windowMs: number, passed: number): number {
  const windows = Math.floor(passed / (windowMs * ms)) + 1
  if (algorithm < 2) return limit * windows
  return limit + Math.floor(passed / (windowMs * ms))
}

describe('shares', () => {
  test('sum to the limit; the remainder is the first replicas’; none has more than one more than another', () => {
    const property = fc.property(fc.nat(2 ** 31), fc.integer({ min: 1, max: 50 }), (limit, replicas) => {
      const all = Array.from({ length: replicas }, (_, rank) => shareOf(limit, { replicas, rank }))
      assert.equal(
        all.reduce((sum, share) => sum + share, 0),
        limit,
      )
      assert.deepEqual(
        all,
        all.toSorted((one, other) => other - one),
      )
      assert.ok(all[0]! - all.at(-1)! <= 1)
      const place = { replicas, rank: 0 }
      assert.ok(limit + all[0]! <= bounds(limit, place).oneCutOff)
    })
    fc.assert(property, { numRuns: 1_000 })
  })

  for (const [index, name] of algorithmNames.entries()) {
    test(`${name}: replicas that count alone admit together what one counter would`, () => {
      let full = 0
      const request = fc.record({
        after: fc.nat(3_000),
        replica: fc.nat(4),
        cost: fc.integer({ min: 0, max: 2 }),
      })
      const property = fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(request, { minLength: 20, maxLength: 200, size: 'max' }),
        (limit, replicas, requests) => {
          const windowMs = 50
          let now = start
          const fleet = Array.from({ length: replicas }, (_, rank) => {
            const clock = () => now
            const local = createMemoryStore({ clock, maxCounters: 100 })
            const ledger = new Ledger({
              merge: async () => undefined,
              slowed: (rule) => rule,
              clock,
              most: 100,
            })
            const fallbacks = new Fallbacks(local, ledger)
            fallbacks.place = { replicas, rank }
            return fallbacks
          })
          const hit = hitOn('a', each(limit, windowMs)[index]!)
          let admitted = 0
          let spent = 0
          for (const { after, replica, cost } of requests) {
            now += after
            const taken = fleet[replica % replicas]!.take([{ ...hit, cost }], 'is away')
            if (taken.admitted) admitted += cost
            else spent++
            assert.ok(admitted <= most(index, limit, windowMs, now - start))
          }
          if (spent > 0) full++
        },
      )
      fc.assert(property, { numRuns: 200 })
      assert.ok(full > 50, `${full}`)
    })
  }

  test('a replica in no record has none, and says when to ask again', () => {
    const clock = () => start
    const local = createMemoryStore({ clock, maxCounters: 100 })
    const fallbacks = new Fallbacks(
      local,
      new Ledger({ merge: async () => undefined, slowed: (rule) => rule, clock, most: 100 }),
    )
    for (const numbers of each(5, 1_000)) {
      const { admitted, outcomes } = fallbacks.take([hitOn('a', numbers)], 'is away')
      assert.ok(!admitted)
      assert.equal(outcomes[0]!.retryAfter, 1_000_000)
      assert.equal(outcomes[0]!.remaining, 0)
      const never = fallbacks.take([hitOn('a', numbers, { cost: 6 })], 'is away')
      assert.equal(never.outcomes[0]!.retryAfter, null)
    }
  })

  test('what flows back keeps whole numbers: the same amount in so many times the span', () => {
    const rule = bindRule({ algorithm: 'token_bucket', capacity: 10, refill: { tokens: 7, everyMs: 1_000 } })
    const shared = sharedRule(rule, { replicas: 3, rank: 0 })
    assert.deepEqual(shared.list().slice(0, 3), [4, 7, 3_000_000])
    assert.equal(sharedRule(rule, { replicas: 3, rank: 0 }), shared)
  })
})

describe('each policy by its own word', () => {
  const clock = () => start
  const local = createMemoryStore({ clock, maxCounters: 100 })
  const ledger = new Ledger({ merge: async () => undefined, slowed: (rule) => rule, clock, most: 100 })
  const fallbacks = new Fallbacks(local, ledger)
  fallbacks.place = { replicas: 1, rank: 0 }
  const numbers = each(2, 1_000)[0]!
  const left = (name: string) => fallbacks.look([hitOn(name, numbers)], '').outcomes[0]!.remaining

  test('all that are enforced have to admit; a refusal takes nothing', () => {
    const hits = [hitOn('a', numbers), hitOn('b', numbers, { onStoreFailure: 'deny' })]
    assert.ok(!fallbacks.take(hits, 'is away').admitted)
    assert.equal(left('a'), 2)
    assert.equal(ledger.size, 0)
  })

  test('allow admits, and the share of another policy still counts', () => {
    const hits = [hitOn('a', numbers), hitOn('b', numbers, { onStoreFailure: 'allow' })]
    assert.deepEqual(
      [1, 2, 3].map(() => fallbacks.take(hits, 'is away').admitted),
      [true, true, false],
    )
    assert.equal(ledger.size, 1)
  })

  test('one in shadow refuses nothing', () => {
    const hits = [hitOn('c', numbers), hitOn('d', numbers, { onStoreFailure: 'deny', enforced: false })]
    const { admitted, outcomes } = fallbacks.take(hits, 'is away')
    assert.ok(admitted)
    assert.deepEqual(
      outcomes.map((each) => each.admitted),
      [true, false],
    )
  })
})
