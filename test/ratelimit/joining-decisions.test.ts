import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Event } from '../../src/observe.ts'
import type { CounterStore, Hit, Taken } from '../../src/ratelimit/stores/counter-store.ts'
import { createResilientStore } from '../../src/ratelimit/stores/resilient/resilient-store.ts'
import { hitOn } from '../support/hits.ts'
import { fixed } from '../support/limit-rules.ts'
import { until } from '../support/until.ts'

/** A replica of two that waits for the other one. */
async function joining(t: TestContext, primary: Partial<CounterStore>, merge = async () => [] as Buffer[]) {
  const answer = ['1700000000', '0', '1', 'a', '0', '1', 'b', '0', '0'].map((text) => Buffer.from(text))
  const by: string[] = []
  const left: Event[] = []
  const store = createResilientStore({
    ...{
      timeoutMs: 20,
      id: 'a',
      maxCounters: 10,
      link: { run: async ({ name }) => (name === 'merge' ? merge() : answer) },
    },
    primary: primary as CounterStore,
    clocks: { wall: () => Date.now() * 1_000, monotonic: () => Math.floor(performance.now() * 1_000) },
    observe: (event) => {
      if (event.event === 'counter_store_decision') by.push(event.by)
      if (event.event === 'counter_store_rung' && event.rung === 'away') left.push(event)
    },
  })
  t.after(() => store.close())
  await until('it waits for b', () => store.state().rung === 'joining')
  return { store, by, left }
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

test('a counter to which the store refuses to add is decided alone, and others by the store', async (t) => {
  let answers = false
  const says = (hits: readonly Hit[]): Taken => ({
    admitted: true,
    outcomes: hits.map(() => ({ admitted: true, retryAfter: 0, delay: 0, remaining: 3, resetAfter: 7 })),
  })
  const { store, by, left } = await joining(
    t,
    { take: (hits) => (answers ? Promise.resolve(says(hits)) : new Promise(() => undefined)), look: says },
    () => Promise.reject(new Error('WRONGTYPE Operation against a key')),
  )
  const hit = hitOn('one', fixed(1_000, 86_400_000))
  await store.take([hit])
  answers = true
  await until('it is back', () => store.state().rung === 'joining')
  const before = left.length
  by.length = 0
  for (let count = 0; count < 100; count++) await store.take([hit])
  await store.take([hitOn('other', hit.rule)])
  assert.equal(store.state().rung, 'joining')
  assert.equal(left.length, before)
  assert.deepEqual(by, [...Array(100).fill('local'), 'joining'])
})
