import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { algorithmNames } from '../../src/ratelimit/algorithms/bound-rule.ts'
import { createRedisStore } from '../../src/ratelimit/stores/redis/redis-store.ts'
import { play, type Schedule, schedules } from '../support/schedules.ts'
import { valkeyOfTests } from '../support/valkey-link.ts'

describe('the store in Valkey, against a map that forgets nothing', () => {
  const valkey = valkeyOfTests()

  test('keeps usage that an edit slows before the new algorithm was first asked', async () => {
    const hit = { policy: 0, key: 'a' as const, enforced: true }
    const refill = (everyMs: number) => ({ tokens: 1, everyMs })
    const steps: Schedule['steps'] = [
      { kind: 'take', after: 0, hits: [{ ...hit, cost: 5 }] },
      {
        kind: 'edit',
        after: 4_102,
        policy: 0,
        numbers: { algorithm: 'token_bucket', capacity: 5, refill: refill(1) },
      },
      {
        kind: 'edit',
        after: 0,
        policy: 0,
        numbers: { algorithm: 'token_bucket', capacity: 2, refill: refill(20) },
      },
      { kind: 'take', after: 56_856, hits: [{ ...hit, cost: 1, enforced: false }] },
      { kind: 'take', after: 28_964, hits: [{ ...hit, cost: 2 }] },
    ]
    const seen = { takes: 0, denied: 0, edits: 0, carried: 0 }
    const first = [{ algorithm: 'fixed_window' as const, limit: 5, windowMs: 20 }]
    const open = (clock: () => number) =>
      createRedisStore({ link: valkey.link, clock, monotonic: clock, graceMs: 3_600_000 })
    await play({ first, steps }, open, seen, 'slowed/')
    assert.equal(seen.denied, 1)
  })

  for (const [index, name] of algorithmNames.entries()) {
    test(`answers the same: ${name}, over edits, changes of the algorithm, resets and grants`, async () => {
      const seen = { takes: 0, denied: 0, edits: 0, carried: 0 }
      let runs = 0
      let here = 0
      const stores: ReturnType<typeof createRedisStore>[] = []
      const open = (clock: () => number) => {
        const store = createRedisStore({ link: valkey.link, clock, monotonic: clock, graceMs: 3_600_000 })
        stores.push(store)
        return store
      }
      const property = fc.asyncProperty(fc.array(schedules(index), { minLength: 20, maxLength: 20 }), (all) =>
        Promise.all(all.map((schedule) => play(schedule, open, seen, `${name}/${runs++}/`))).then(
          async () => {
            for (const store of stores.splice(0)) here += store.counts.here
            // An edit looks through all counters that there are.
            await valkey.link.client.flushdb()
          },
        ),
      )
      await fc.assert(property, { endOnFailure: true, numRuns: process.env.WEIR_LONG === '1' ? 5_000 : 10 })
      for (const [what, count] of Object.entries({ ...seen, here }))
        assert.ok(count > 10, `${what}: ${count}`)
    })
  }
})
