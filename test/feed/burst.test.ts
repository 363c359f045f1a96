import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFeed } from '../../src/feed/feed.ts'
import { planWrite } from '../../src/model/plan-write.ts'
import { find, type State } from '../../src/model/state.ts'
import { kinds } from '../../src/policies/index.ts'
import { createPool } from '../../src/store/pool.ts'
import { createStore } from '../../src/store/store.ts'
import { createTurns } from '../../src/store/turns.ts'
import { freshDatabase } from '../support/postgres.ts'
import { testSecrets } from '../support/secrets.ts'

const context = { supervised: true, listenerAddress: '127.0.0.1' }

test('ten writes in a burst are one state', async (t) => {
  const database = await freshDatabase()
  const pool = createPool(database.url, () => {})
  const store = createStore({ pool, kinds, secrets: testSecrets(), observe: () => {} })
  const states: State[] = []
  // However slow this machine is.
  const options = { url: database.url, store, observe: () => {}, burstMs: 60_000 }
  const feed = createFeed({ ...options, onState: (state) => states.push(state) })
  t.after(async () => {
    await feed.close()
    await pool.end()
    await database.drop()
  })
  const signal = AbortSignal.timeout(60_000)
  await feed.reached(0, signal)
  const write = (port: number) =>
    store.write({
      author: 'a',
      message: '',
      edits: () => [
        {
          op: 'put',
          document: 0,
          object: {
            ...{ kind: 'Cluster', name: 'c', labels: {}, owner: '' },
            spec: { endpoints: [{ address: '10.0.0.1', port }] },
          },
        },
      ],
      plan: (state, edits) => planWrite(kinds, state, edits, context),
    })
  await Promise.all(Array.from({ length: 10 }, (_, index) => write(index + 1)))
  await feed.reached(10, signal)
  assert.deepEqual(
    states.map(({ revision }) => revision),
    [0, 10],
  )
  assert.deepEqual(find(states[1]!, 'Cluster', 'c')?.document.spec, {
    endpoints: [{ address: '10.0.0.1', port: 10 }],
  })
})

test('who writes all the time is not waited for', async () => {
  const turns = createTurns(1_000)
  let end = () => {}
  const long = turns.take(() => new Promise<void>((resolve) => (end = resolve)))
  await turns.idle(1)
  let isIdle = false
  const idle = turns.idle(60_000).then(() => {
    isIdle = true
  })
  const next = turns.take(async () => assert.equal(isIdle, false))
  end()
  await Promise.all([long, next, idle])
})
