import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createMemoryStore } from '../../src/ratelimit/stores/memory/memory-store.ts'
import { play, schedules } from '../support/schedules.ts'

describe('the memory store, against a map that forgets nothing', () => {
  test('answers the same, over edits, changes of the algorithm, resets and grants', async () => {
    const seen = { takes: 0, denied: 0, edits: 0, carried: 0 }
    let swept = 0
    const open = (clock: () => number) => {
      const store = createMemoryStore({ clock, maxCounters: 1_000_000 })
      const take: typeof store.take = (hits) => {
        const size = store.size()
        const taken = store.take(hits)
        swept += Number(store.size() < size)
        return taken
      }
      const look: typeof store.look = (hits) => {
        const size = store.size()
        const taken = store.look(hits)
        assert.equal(store.size(), size)
        return taken
      }
      return { ...store, take, look }
    }
    const property = fc.asyncProperty(schedules(), (schedule) => play(schedule, open, seen))
    await fc.assert(property, { numRuns: process.env.WEIR_LONG === '1' ? 20_000 : 500 })
    for (const [name, count] of Object.entries({ ...seen, swept }))
      assert.ok(count > 100, `${name}: ${count}`)
  })

  test('a counter whose time after an edit is over does not come back by the next edit', async () => {
    const leaky = { algorithm: 'leaky_bucket', queue: 0, rate: { requests: 1, everyMs: 1 } } as const
    const fixed = { algorithm: 'fixed_window', limit: 1, windowMs: 1 } as const
    const hit = (cost: number) => [{ policy: 0, key: 'a' as const, cost, enforced: false }]
    const take = (cost: number, after = 0) => ({ kind: 'take' as const, after, hits: hit(cost) })
    const edit = (numbers: typeof leaky | typeof fixed) => ({
      ...{ kind: 'edit' as const, after: 0, policy: 0, numbers },
    })
    const steps = [take(1), edit(fixed), take(1, 200_000), edit(leaky), take(0)]
    const open = (clock: () => number) => createMemoryStore({ clock, maxCounters: 1_000_000 })
    await play({ first: [leaky, fixed, fixed], steps }, open, { takes: 0, denied: 0, edits: 0, carried: 0 })
  })
})
