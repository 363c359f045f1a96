import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sql } from 'drizzle-orm'
import pg from 'pg'
import { WeirError } from '../../src/errors.ts'
import { openDatabase } from '../../src/store/database.ts'
import { createPool } from '../../src/store/pool.ts'
import { freshDatabase } from '../support/postgres.ts'

let database: Awaited<ReturnType<typeof freshDatabase>>
before(async () => {
  database = await freshDatabase()
})
after(() => database?.drop())

test('a database that ends between the checkout and BEGIN, more often than the pool has connections, costs none of them', async (t) => {
  const pool = createPool(database.url, () => {})
  t.after(() => void pool.end()) // It would wait for what nobody gave back.
  const db = openDatabase(pool)
  const size = pool.options.max!
  for (let end = 0; end < size + 2; end++) {
    pool.once('acquire', (client) => void client.end())
    await assert.rejects(db.transaction((tx) => tx.execute(sql`select 1`)))
  }
  assert.equal(pool.totalCount, 0)
  const { rows } = await db.transaction((tx) => tx.execute(sql`select 1 as one`))
  assert.deepEqual(rows, [{ one: 1 }])
})

test('a connection whose statement was given up is not handed on', async (t) => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1, query_timeout: 100 })
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  t.after(() => pool.end())
  const db = openDatabase(pool)
  await assert.rejects(db.transaction((tx) => tx.execute(sql`select pg_sleep(5)`)))
  const { rows } = await db.execute(sql`select txid_current_if_assigned() is null as fresh`)
  assert.deepEqual(rows, [{ fresh: true }])
})

test('a transaction that weir itself refuses keeps its connection, and leaves nothing of it', async (t) => {
  const pool = createPool(database.url, () => {})
  t.after(() => pool.end())
  const db = openDatabase(pool)
  const pidOf = async () => (await db.execute(sql`select pg_backend_pid() as pid`)).rows[0]!.pid
  const pid = await pidOf()
  const refusal = new WeirError('conflict', 'Somebody else was first.')
  const refused = db.transaction(async (tx) => {
    await tx.execute(sql`create table left_over ()`)
    throw refusal
  })
  await assert.rejects(refused, refusal)
  assert.equal(await pidOf(), pid)
  const { rows } = await db.execute(sql`select to_regclass('left_over') as found`)
  assert.deepEqual(rows, [{ found: null }])
})
