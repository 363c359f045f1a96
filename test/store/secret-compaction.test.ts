import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type pg from 'pg'
import { type Edit, planWrite } from '../../src/model/plan-write.ts'
import { find, type State } from '../../src/model/state.ts'
import { kinds } from '../../src/policies/index.ts'
import { createPool } from '../../src/store/pool.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { type FreshDatabase, freshDatabase, withClient } from '../support/postgres.ts'
import { testSecrets } from '../support/secrets.ts'

const context = { supervised: false, listenerAddress: '127.0.0.1' }
const writersLock = 0x77656972_02

function put(kind: string, name: string, spec: Record<string, unknown>): Edit {
  return { op: 'put', document: 0, object: { kind, name, labels: {}, owner: '', spec } }
}
const consumer = (name: string, value: unknown) => put('Consumer', name, { apiKeys: [{ id: 'main', value }] })
const newest = { revisions: 1, ageMs: 86_400_000 }

describe('secrets that no kept state names', () => {
  let database: FreshDatabase
  let pool: pg.Pool
  let store: Store
  const write = (...edits: Edit[]) =>
    store.write({
      author: 'a',
      message: '',
      edits: () => edits,
      plan: (state: State, split) => planWrite(kinds, state, split, context),
    })
  /** A consumer whose key is deleted with it, so that a compaction takes its secret away; answers with its id. */
  const abandoned = async (name: string) => {
    const { after } = await write(consumer(name, `the-long-random-key-of-${name}`))
    const { apiKeys } = find(after, 'Consumer', name)!.document.spec as {
      apiKeys: { value: { secretRef: string } }[]
    }
    await write({ op: 'delete', kind: 'Consumer', name, document: 0 })
    await write(put('Cluster', 'other', { endpoints: [], connectTimeout: `${name.length}s` }))
    return apiKeys[0]!.value.secretRef
  }
  const ids = async () => (await pool.query('select id from secrets order by id')).rows.map(({ id }) => id)
  /** Resolves when a session of this database waits for a lock in such a statement. */
  const waiting = async (statement: string) => {
    const deadline = Date.now() + 8_000
    for (;;) {
      const { rowCount } = await pool.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like $1`,
        [statement],
      )
      if (rowCount! > 0) return
      assert.ok(Date.now() < deadline, `nobody waits in ${statement}`)
    }
  }
  before(async () => {
    database = await freshDatabase()
    pool = createPool(database.url, () => {})
    store = createStore({ pool, kinds, secrets: testSecrets(), observe: () => {} })
    await store.unlockSecrets()
    await write(put('Cluster', 'other', { endpoints: [] }))
  })
  after(async () => {
    await pool.end()
    await database.drop()
  })

  test('are looked for while writers write', async () => {
    await abandoned('acme')
    await withClient(database.url, async (client) => {
      await client.query('begin; lock table secrets in access exclusive mode')
      const compaction = store.compact(newest)
      await waiting('%secrets%')
      const { revision } = await write(put('Cluster', 'meanwhile', { endpoints: [] }))
      assert.ok(revision > 0)
      await client.query('rollback')
      assert.equal((await compaction)?.secrets, 1)
    })
    assert.deepEqual(await ids(), [])
  })

  test('stay where a write named one again in the meantime', async () => {
    const kept = await abandoned('again')
    const gone = await abandoned('forgotten')
    assert.deepEqual(await ids(), [kept, gone].sort())
    await withClient(database.url, async (client) => {
      // In place of a writer, who names it between the search and the deletion.
      await client.query('begin; select pg_advisory_xact_lock($1)'.replace('$1', String(writersLock)))
      const compaction = store.compact(newest)
      await waiting('%pg_advisory_xact_lock%')
      await client.query(
        `with written as (insert into revisions (id, author) select max(id) + 1, 'b' from revisions returning id)
         insert into objects (kind, name, spec, from_revision)
         select 'Consumer', 'again', $1, id from written`,
        [{ apiKeys: [{ id: 'main', value: { secretRef: kept } }] }],
      )
      await client.query('commit')
      assert.equal((await compaction)?.secrets, 1)
    })
    assert.deepEqual(await ids(), [kept])
  })

  test('are looked for page by page', async () => {
    const kept = await ids()
    // Enough for three pages, between which the one that is named stands anywhere.
    await pool.query(
      `insert into secrets (id, kind, name, pointer, key_id, ciphertext, from_revision)
       select gen_random_uuid(), 'Certificate', 'none-' || n, '/spec/pem/privateKey', 'k', '', from_revision
       from secrets, generate_series(1, 450) n`,
    )
    assert.equal((await store.compact(newest))?.secrets, 450)
    assert.deepEqual(await ids(), kept)
  })
})
