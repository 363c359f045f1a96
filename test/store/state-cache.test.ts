import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type pg from 'pg'
import { type Edit, planWrite } from '../../src/model/plan-write.ts'
import { kinds } from '../../src/policies/index.ts'
import { createPool } from '../../src/store/pool.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { testSecrets } from '../support/secrets.ts'

const context = { supervised: true, listenerAddress: '127.0.0.1' }

/** The next answer of the database to a query like this one is kept back until it is let go. */
function heldPool(pool: pg.Pool) {
  let gate: { pattern: RegExp; reached: () => void; open: Promise<void> } | undefined
  const query = async (...args: Parameters<pg.Pool['query']>) => {
    const mine = gate?.pattern.test(JSON.stringify(args[0])) ? gate : undefined
    if (mine !== undefined) gate = undefined
    const answer = await (pool.query as (...all: unknown[]) => Promise<unknown>)(...args)
    mine?.reached()
    await mine?.open
    return answer
  }
  return {
    pool: new Proxy(pool, {
      get: (target, key) => (key === 'query' ? query : Reflect.get(target, key, target)),
    }),
    hold(pattern: RegExp) {
      const { promise: reached, resolve } = Promise.withResolvers<void>()
      const { promise: open, resolve: letGo } = Promise.withResolvers<void>()
      gate = { pattern, reached: resolve, open }
      return { reached, letGo }
    },
  }
}

describe('what a replica knows only moves forward', () => {
  let database: FreshDatabase
  let pool: pg.Pool
  let held: ReturnType<typeof heldPool>
  let store: Store
  let other: Store
  const write = (to: Store, name: string) =>
    to.write({
      author: 'a',
      message: '',
      edits: (): Edit[] => [
        {
          op: 'put',
          document: 0,
          object: { kind: 'Cluster', name, labels: {}, owner: '', spec: { endpoints: [] } },
        },
      ],
      plan: (state, edits) => planWrite(kinds, state, edits, context),
    })
  before(async () => {
    database = await freshDatabase()
    pool = createPool(database.url, () => {})
    held = heldPool(pool)
    const secrets = testSecrets()
    store = createStore({ pool: held.pool, kinds, secrets, observe: () => {} })
    other = createStore({ pool, kinds, secrets, observe: () => {} })
    await store.unlockSecrets()
  })
  after(async () => {
    await pool.end()
    await database.drop()
  })

  test('a reader whose answer was overtaken by a write does not set it back', async () => {
    await write(store, 'first')
    const { reached, letGo } = held.hold(/max\(/)
    const slow = store.current()
    await reached
    const { after: newest } = await write(store, 'second')
    letGo()
    assert.equal(await slow, newest)
    assert.equal(await store.current(), newest, 'the very same state: nothing had to be read again')
  })

  test('a reader who reads rows while another one reads newer ones does not set it back', async () => {
    await write(other, 'third')
    const { reached, letGo } = held.hold(/from \\"objects\\"/)
    const slow = store.current()
    await reached
    const { revision } = await write(other, 'fourth')
    const newest = await store.current()
    assert.equal(newest.revision, revision)
    letGo()
    assert.equal((await slow).revision, revision - 1)
    assert.equal(await store.current(), newest, 'the very same state: nothing had to be read again')
  })

  test('a database that was reset is read anew', async () => {
    const { revision } = await store.current()
    await pool.query('delete from objects where from_revision = $1', [revision])
    await pool.query('delete from revisions where id = $1', [revision])
    const { revision: now, objects } = await store.current()
    assert.deepEqual([now, objects.get('Cluster')?.size], [revision - 1, 3])
    assert.equal((await store.current()).revision, revision - 1)
  })
})
