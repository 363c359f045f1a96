import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CounterStore } from '../../src/ratelimit/stores/counter-store.ts'
import type { RedisLink } from '../../src/ratelimit/stores/redis/link.ts'
import { createResilientStore } from '../../src/ratelimit/stores/resilient/resilient-store.ts'
import { createStoreTime } from '../../src/ratelimit/stores/resilient/store-time.ts'
import { hitOn } from '../support/hits.ts'
import { fixed } from '../support/limit-rules.ts'
import { until } from '../support/until.ts'

const timeoutMs = 20

/** A replica whose store answers signs of life as long as it is to, and never a request. */
async function replicaOf(t: { after(work: () => Promise<void>): void }) {
  let isLate = false
  const late: (() => void)[] = []
  const members = ['1', 'a', '0', '1']
  const link: RedisLink = {
    run: () => {
      const answer = ['1700000000', '0', ...members].map((text) => Buffer.from(text))
      if (!isLate) return Promise.resolve(answer)
      return new Promise((resolve) => late.push(() => resolve(answer)))
    },
  }
  const rungs: string[] = []
  const store = createResilientStore({
    ...{ link, timeoutMs, id: 'a', maxCounters: 10, heartbeatMs: 5 },
    primary: { take: () => new Promise(() => undefined) } as unknown as CounterStore,
    clocks: { wall: () => Date.now() * 1_000, monotonic: () => Math.floor(performance.now() * 1_000) },
    observe: (event) => {
      if (event.event === 'counter_store_rung') rungs.push(event.rung)
    },
  })
  const answerAll = () => {
    isLate = false
    for (const answer of late.splice(0)) answer()
  }
  t.after(async () => {
    answerAll()
    await store.close()
  })
  await until('the store decides', () => rungs.at(-1) === 'store')
  isLate = true
  await until('a sign is given', () => late.length > 0)
  return { store, rungs, late, answerAll }
}

test('a sign of life that is late takes nobody off the store', async (t) => {
  const { rungs, late, answerAll } = await replicaOf(t)
  const sentAt = performance.now()
  await until('a request would be overdue', () => performance.now() > sentAt + 3 * timeoutMs)
  const before = rungs.length
  answerAll()
  await until('the next is given', () => late.length === 0)
  assert.deepEqual(rungs.slice(before), [])
})

test('one that is not answered does, and so does a request', async (t) => {
  const { rungs } = await replicaOf(t)
  await until('it is away', () => rungs.at(-1) === 'away')
})

test('a request does, while a sign is late', async (t) => {
  const { store, rungs } = await replicaOf(t)
  const { admitted, outcomes } = await store.take([hitOn('k', fixed(3))])
  assert.equal(rungs.at(-1), 'away')
  assert.equal(admitted, true)
  assert.equal(outcomes[0]!.fallback?.word, 'local')
})

test('the time of a store is known as well as its best answer says', () => {
  let own = 0
  const { learn, read } = createStoreTime({ wall: () => 0, monotonic: () => own })
  const at = (now: number) => {
    own = now
  }
  // Sent at 1,000 and answered at 1,200: the store's clock was somewhere between.
  at(1_200)
  learn(5_000_100, 1_000)
  assert.equal(read(), 5_000_200)
  // An answer that took long says less than is known already.
  at(301_200)
  learn(5_001_000, 2_000)
  assert.equal(read(), 5_300_200)
  // One that cannot be by what is known does say something.
  at(302_000)
  learn(9_000_000, 301_900)
  assert.equal(read(), 9_000_000)
})
