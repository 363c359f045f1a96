import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type pg from 'pg'
import { WeirError } from '../../src/errors.ts'
import { type Edit, planWrite } from '../../src/model/plan-write.ts'
import { find, type State } from '../../src/model/state.ts'
import type { Event } from '../../src/observe.ts'
import { kinds } from '../../src/policies/index.ts'
import { createPool } from '../../src/store/pool.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { type FreshDatabase, freshDatabase, withClient } from '../support/postgres.ts'
import { testSecrets } from '../support/secrets.ts'

const context = { supervised: true, listenerAddress: '127.0.0.1' }

function put(name: string, owner = ''): Edit {
  return {
    op: 'put',
    document: 0,
    object: { kind: 'Cluster', name, labels: {}, owner, spec: { endpoints: [] } },
  }
}

describe('the store', () => {
  let database: FreshDatabase
  let pool: pg.Pool
  let store: Store
  const events: Event[] = []
  const plan = (state: State, edits: readonly Edit[]) => planWrite(kinds, state, edits, context)
  const write = (edits: Edit[]) => store.write({ author: 'a', message: 'm', edits: () => edits, plan })
  before(async () => {
    database = await freshDatabase()
    const observe = (event: Event) => void events.push(event)
    pool = createPool(database.url, observe)
    store = createStore({ pool, kinds, secrets: testSecrets(), observe })
  })
  after(async () => {
    await pool.end()
    await database.drop()
  })

  test('what a plan throws leaves nothing behind', async () => {
    const before = (await store.current()).revision
    const refusal = new WeirError('precondition_failed', 'no')
    const refused = store.write({
      author: 'a',
      message: '',
      edits: () => [],
      plan() {
        throw refusal
      },
    })
    await assert.rejects(refused, refusal)
    assert.equal((await store.current()).revision, before)
    assert.equal((await store.revisions({ limit: 1_000 })).items.length, before)
  })

  test('a write tells the channel its revision, when it is committed', async () => {
    await withClient(database.url, async (client) => {
      await client.query('listen weir_revision')
      const { promise, resolve } = Promise.withResolvers<string | undefined>()
      client.on('notification', ({ payload }) => resolve(payload))
      const { revision } = await write([put('told')])
      assert.equal(await promise, String(revision))
      const { rows } = await client.query('select name from clusters')
      assert.deepEqual(rows, [{ name: 'told' }])
    })
  })

  test('waiting writers leave connections for readers', async () => {
    await withClient(database.url, async (client) => {
      // Another replica holds the writers' lock.
      await client.query('select pg_advisory_lock($1)', [0x77656972_02])
      const writers = Array.from({ length: 30 }, (_, index) => write([put(`w-${index}`)]))
      assert.ok((await store.current()).revision > 0)
      await client.query('select pg_advisory_unlock($1)', [0x77656972_02])
      const revisions = (await Promise.all(writers)).map(({ revision }) => revision)
      assert.deepEqual(
        revisions,
        revisions.toSorted((a, b) => a - b),
        'in the order of asking',
      )
      assert.equal(new Set(revisions).size, 30)
    })
  })

  test('20,000 objects in one write, and all of them read by a new replica', async () => {
    const { revision } = await write(Array.from({ length: 20_000 }, (_, index) => put(`bulk-${index}`)))
    const replica = createStore({ pool, kinds, secrets: testSecrets(), observe: () => {} })
    const state = await replica.current()
    assert.equal(state.revision, revision)
    assert.ok(find(state, 'Cluster', 'bulk-19999') !== undefined)
  })

  test('a row that this program cannot read is named and left out, and a write replaces it', async () => {
    await write([put('odd')])
    await pool.query(
      `update objects set spec = '{"endpoints": "none"}' where name = 'odd' and to_revision is null`,
    )
    const replica = createStore({
      pool,
      kinds,
      secrets: testSecrets(),
      observe: (event) => void events.push(event),
    })
    const state = await replica.current()
    assert.equal(find(state, 'Cluster', 'odd'), undefined)
    assert.ok(find(state, 'Cluster', 'told') !== undefined)
    const unreadable = events.filter(({ event }) => event === 'row_unreadable')
    assert.deepEqual(
      unreadable.map((event) => (event.event === 'row_unreadable' ? event.name : '')),
      ['odd'],
    )
    await replica.write({ author: 'a', message: '', edits: () => [put('odd', 'mended')], plan })
    assert.equal(find(await store.current(), 'Cluster', 'odd')?.document.owner, 'mended')
  })

  test('a row whose newest form cannot be read is held in the last that can, and not from before it was deleted', async () => {
    const fresh = () => createStore({ pool, kinds, secrets: testSecrets(), observe: () => {} })
    const owner = async (name: string) => find(await fresh().current(), 'Cluster', name)?.document.owner
    const spoil = (name: string, form: string) =>
      pool.query(`update objects set spec = '{"endpoints": "none"}' where name = $1 and owner = $2`, [
        name,
        form,
      ])
    for (const form of ['one', 'two', 'three', 'four']) await write([put('held', form)])
    await spoil('held', 'four')
    assert.equal(await owner('held'), 'three')
    await spoil('held', 'three')
    assert.equal(await owner('held'), 'two')

    await write([put('again', 'one')])
    await write([{ op: 'delete', kind: 'Cluster', name: 'again', document: 0 }])
    await write([put('away', 'between')])
    await write([put('again', 'two')])
    await spoil('again', 'two')
    assert.equal(await owner('again'), undefined)
  })

  test('a session that ends in the middle of a write fails it as unavailable, and the next one succeeds', async () => {
    const before = (await store.current()).revision
    await withClient(database.url, async (client) => {
      // Readers pass, the write stops at its first row.
      await client.query('begin; lock table objects in exclusive mode')
      const ended = write([put('ended')])
      const failed = assert.rejects(
        ended,
        (error) => error instanceof WeirError && error.code === 'unavailable',
      )
      const deadline = Date.now() + 8_000
      let found = 0
      while (found === 0 && Date.now() < deadline) {
        const { rowCount } = await pool.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and wait_event_type = 'Lock' and query like '%objects%'`,
        )
        found = rowCount ?? 0
      }
      await failed
      await client.query('rollback')
    })
    assert.equal((await store.current()).revision, before)
    assert.equal((await write([put('after')])).revision, before + 1)
  })
})
