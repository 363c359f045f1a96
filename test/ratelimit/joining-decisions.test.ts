import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CounterStore } from '../../src/ratelimit/stores/counter-store.ts'
import { createResilientStore } from '../../src/ratelimit/stores/resilient/resilient-store.ts'
import { hitOn } from '../support/hits.ts'
import { fixed } from '../support/limit-rules.ts'
import { until } from '../support/until.ts'

test('a request that the store does not answer while replicas wait for each other is told once', async (t) => {
  const answer = ['1700000000', '0', '1', 'a', '0', '1', 'b', '0', '0'].map((text) => Buffer.from(text))
  const by: string[] = []
  const store = createResilientStore({
    ...{ timeoutMs: 20, id: 'a', maxCounters: 10, link: { run: async () => answer } },
    primary: { take: () => new Promise(() => undefined) } as unknown as CounterStore,
    clocks: { wall: () => Date.now() * 1_000, monotonic: () => Math.floor(performance.now() * 1_000) },
    observe: (event) => {
      if (event.event === 'counter_store_decision') by.push(event.by)
    },
  })
  t.after(() => store.close())
  await until('it waits for b', () => store.state().rung === 'joining')
  assert.ok((await store.take([hitOn('one', fixed(10, 1_000))])).admitted)
  assert.deepEqual(by, ['local'])
})
