import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { kinds } from '../../src/policies/index.ts'
import { healthAskedChannel, healthToldChannel } from '../../src/store/locks.ts'
import { createPool } from '../../src/store/pool.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { testSecrets } from '../support/secrets.ts'

let database: FreshDatabase
let pool: pg.Pool
let listener: pg.Client
let store: Store

before(async () => {
  database = await freshDatabase()
  pool = createPool(database.url, () => {})
  store = createStore({ pool, kinds, secrets: testSecrets(), observe: () => {} })
  listener = new pg.Client({ connectionString: database.url })
  await listener.connect()
  await listener.query(`listen ${healthAskedChannel}`)
  await listener.query(`listen ${healthToldChannel}`)
})
after(async () => {
  await listener?.end()
  await pool?.end()
  await database?.drop()
})

const notified = () =>
  new Promise<pg.Notification>((resolve) =>
    listener.once('notification', (notification) => resolve(notification)),
  )

async function replica(name: string): Promise<void> {
  const own = { id: name, name, revision: 1, version: 1, base: 0 }
  const nothing = { envoys: [], gateways: [], tell: false, known: new Map() }
  await store.exchangeFleet({ own, says: 'first', ...nothing })
}

test('whoever lives is asked, and what it answers is read once', async () => {
  const question = { id: randomUUID(), from: 'a', cluster: 'shop' }
  await replica('a')
  assert.deepEqual(await store.healthAnswers.ask(question), [], 'nobody else is there')
  for (const name of ['b', 'c']) await replica(name)
  await pool.query(
    `update fleet_replicas set seen_at = clock_timestamp() - interval '1 minute' where name = 'c'`,
  )
  const asked = notified()
  assert.deepEqual(await store.healthAnswers.ask(question), ['b'])
  assert.deepEqual(JSON.parse((await asked).payload!), question)

  const told = notified()
  await store.healthAnswers.tell(question.id, { replica: 'b', answer: { words: [] } })
  assert.equal((await told).payload, question.id)
  assert.deepEqual(await store.healthAnswers.read(question.id), [{ replica: 'b', answer: { words: [] } }])
  assert.deepEqual(await store.healthAnswers.read(question.id), [])
})

test('an answer that nobody read is swept by a later one', async () => {
  const [old, recent] = [randomUUID(), randomUUID()]
  await store.healthAnswers.tell(old, { replica: 'b', answer: 1 })
  await pool.query(`update health_answers set at = clock_timestamp() - interval '1 minute'`)
  await store.healthAnswers.tell(recent, { replica: 'b', answer: 2 })
  const { rows } = await pool.query('select question from health_answers')
  assert.deepEqual(rows, [{ question: recent }])
})
