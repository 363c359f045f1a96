import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { CounterStore, Hit, Taken } from '../../src/ratelimit/stores/counter-store.ts'
import { createResilientStore } from '../../src/ratelimit/stores/resilient/resilient-store.ts'
import { hitOn } from '../support/hits.ts'
import { fixed } from '../support/limit-rules.ts'
import { until } from '../support/until.ts'

/** A replica of two that waits for the other one. */
async function joining(t: TestContext, primary: Partial<CounterStore>) {
  const answer = ['1700000000', '0', '1', 'a', '0', '1', 'b', '0', '0'].map((text) => Buffer.from(text))
  const by: string[] = []
  const store = createResilientStore({
    ...{ timeoutMs: 20, id: 'a', maxCounters: 10, link: { run: async () => answer } },
    primary: primary as CounterStore,
    clocks: { wall: () => Date.now() * 1_000, monotonic: () => Math.floor(performance.now() * 1_000) },
    observe: (event) => {
      if (event.event === 'counter_store_decision') by.push(event.by)
    },
  })
  t.after(() => store.close())
  await until('it waits for b', () => store.state().rung === 'joining')
  return { store, by }
}

test('a request that the store does not answer while replicas wait for each other is told once', async (t) => {
  const { store, by } = await joining(t, { take: () => new Promise(() => undefined) })
  assert.ok((await store.take([hitOn('one', fixed(10, 1_000))])).admitted)
  assert.deepEqual(by, ['local'])
})

test('where a share refuses, the other policies stand as the store says', async (t) => {
  const says = (hits: readonly Hit[]): Taken => ({
    admitted: true,
    outcomes: hits.map(() => ({ admitted: true, retryAfter: 0, delay: 0, remaining: 3, resetAfter: 7 })),
  })
  const { store, by } = await joining(t, { take: says, look: says })
  const day = 86_400_000
  const hits = [
    hitOn('allows', fixed(10, day), { onStoreFailure: 'allow' }),
    hitOn('shared', fixed(2, day)),
    hitOn('denies', fixed(10, day), { onStoreFailure: 'deny' }),
  ]
  assert.ok((await store.take(hits)).admitted)
  const { admitted, outcomes } = await store.take(hits)
  assert.ok(!admitted)
  assert.deepEqual(
    outcomes.map((each) => [each.admitted, each.remaining]),
    [
      [true, 3],
      [false, 0],
      [true, 3],
    ],
  )
  assert.deepEqual(by, ['joining', 'joining'])
})
