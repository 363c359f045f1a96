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

const context = { supervised: false, listenerAddress: '127.0.0.1' }
const dayMs = 86_400_000

function put(kind: string, name: string, spec: Record<string, unknown>, owner = ''): Edit {
  return { op: 'put', document: 0, object: { kind, name, labels: {}, owner, spec } }
}
const cluster = (name: string, owner = '') => put('Cluster', name, { endpoints: [] }, owner)
const remove = (kind: string, name: string): Edit => ({ op: 'delete', kind, name, document: 0 })
/** A kind without objects may be there or not. */
const objectsOf = ({ objects }: State) =>
  [...objects.values()]
    .flatMap((byName) => [...byName.values()])
    .map((object) => JSON.stringify(object))
    .sort()
const isGone = (error: unknown) => error instanceof WeirError && error.code === 'gone'

describe('compaction', () => {
  let database: FreshDatabase
  let pool: pg.Pool
  let store: Store
  const events: Event[] = []
  const open = () =>
    createStore({ pool, kinds, secrets: testSecrets(), observe: (event) => void events.push(event) })
  const write = (...edits: Edit[]) =>
    store.write({
      author: 'a',
      message: '',
      edits: () => edits,
      plan: (state: State, split) => planWrite(kinds, state, split, context),
    })
  before(async () => {
    database = await freshDatabase()
    pool = createPool(database.url, () => {})
    store = open()
    await store.unlockSecrets()
    await write(cluster('first')) // 1: still current at the end
    await write(cluster('gone')) // 2
    for (const owner of ['a', 'b', 'c']) await write(cluster('edited', owner)) // 3 to 5
    await write(put('Consumer', 'acme', { apiKeys: [{ id: 'main', value: 'a-long-random-key' }] })) // 6
    await write(remove('Cluster', 'gone')) // 7
    await write(remove('Consumer', 'acme')) // 8
    for (const owner of ['d', 'e']) await write(cluster('edited', owner)) // 9, 10
  })
  after(async () => {
    await pool.end()
    await database.drop()
  })

  test('what is within number and age is kept, and nothing is deleted', async () => {
    const done = await store.compact({ revisions: 10, ageMs: dayMs })
    assert.deepEqual(done, { oldest: 1, objects: 0, revisions: 0, secrets: 0, keys: 0 })
    assert.equal(find(await store.at(1), 'Cluster', 'first')?.revision, 1)
  })

  test('beyond the number: older states are gone, younger ones and the present are as they were', async () => {
    const asleep = open()
    assert.equal((await asleep.current()).revision, 10)
    const states = await Promise.all([7, 8, 9, 10].map((revision) => store.at(revision)))
    // Revisions 7 to 10 stay; of those before, 1 wrote an object that is there, 5 and 6 are named by kept forms.
    const done = await store.compact({ revisions: 4, ageMs: dayMs })
    assert.equal(done?.oldest, 7)
    assert.equal(done?.objects, 3, 'gone, and edited of revisions 3 and 4')
    assert.deepEqual(events.at(-1), { event: 'compacted', ...done })
    const fresh = open()
    for (const [index, revision] of [7, 8, 9, 10].entries())
      assert.deepEqual(objectsOf(await fresh.at(revision)), objectsOf(states[index]!))
    for (const revision of [1, 6]) await assert.rejects(fresh.at(revision), isGone)
    await assert.rejects(fresh.differences(6, 7), isGone)
    assert.equal((await fresh.differences(7, 9)).length, 2)
    const kept = (await fresh.revisions({ limit: 100 })).items.map(({ id }) => id)
    assert.deepEqual(kept, [10, 9, 8, 7, 6, 5, 1])
  })

  test('a secret goes when no kept state names it any more', async () => {
    const count = async () => Number((await pool.query('select count(*) from secrets')).rows[0].count)
    assert.equal(await count(), 1)
    const done = await store.compact({ revisions: 2, ageMs: dayMs })
    assert.equal(done?.secrets, 1)
    assert.equal(await count(), 0)
  })

  test('a state that was in force within the age is kept; the newest always is', async () => {
    const aged = (days: number, below: number) =>
      pool.query(`update revisions set at = now() - make_interval(days => $1) where id <= $2`, [days, below])
    await write(cluster('edited', 'f')) // 11
    await aged(100, 9)
    await aged(50, 10)
    assert.equal(
      (await store.compact({ revisions: 100, ageMs: 90 * dayMs }))?.oldest,
      9,
      '9 was in force then',
    )
    assert.equal((await store.compact({ revisions: 100, ageMs: 10 * dayMs }))?.oldest, 10)
    await aged(400, 11)
    assert.equal((await store.compact({ revisions: 1, ageMs: 1 }))?.oldest, 11)
    assert.equal(find(await open().current(), 'Cluster', 'first')?.revision, 1)
    assert.equal((await store.compact({ revisions: 100, ageMs: 1_000 * dayMs }))?.oldest, 11, 'never back')
  })

  test('a replica that slept through it catches up, deletions included', async () => {
    const asleep = open()
    await write(cluster('brief'))
    await asleep.current()
    await write(remove('Cluster', 'brief'))
    await write(cluster('edited', 'g'))
    await store.compact({ revisions: 1, ageMs: dayMs })
    const state = await asleep.current()
    assert.equal(find(state, 'Cluster', 'brief'), undefined)
    assert.deepEqual(objectsOf(state), objectsOf(await open().current()))
  })

  test('one replica at a time: the other one leaves it', async () => {
    await withClient(database.url, async (client) => {
      await client.query('select pg_advisory_lock($1)', [0x77656972_03])
      assert.equal(await store.compact({ revisions: 1, ageMs: dayMs }), undefined)
    })
  })

  test('expired idempotency keys go, too', async () => {
    const once = { key: 'k', fingerprint: Buffer.alloc(32) }
    await store.write({
      author: 'a',
      message: '',
      once,
      edits: () => [cluster('keyed')],
      plan: (state, split) => planWrite(kinds, state, split, context),
    })
    assert.equal((await store.compact({ revisions: 1, ageMs: dayMs }))?.keys, 0)
    await pool.query(`update idempotency_keys set at = at - interval '25 hours'`)
    assert.equal((await store.compact({ revisions: 1, ageMs: dayMs }))?.keys, 1)
  })
})
