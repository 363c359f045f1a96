import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import pg from 'pg'
import type { Event } from '../../src/observe.ts'
import { migrate } from '../../src/store/migrate.ts'
import { emptyDatabase, type FreshDatabase, migrationsFolder } from '../support/postgres.ts'

describe('migrations', () => {
  let folder: string
  let database: FreshDatabase
  let pool: pg.Pool
  let events: Event[]
  const run = () => migrate(pool, folder, (event) => void events.push(event))
  const count = readdirSync(migrationsFolder).length
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-migrations-'))
  })
  after(() => rmSync(folder, { recursive: true }))
  beforeEach(async () => {
    rmSync(folder, { recursive: true })
    cpSync(migrationsFolder, folder, { recursive: true })
    database = await emptyDatabase()
    pool = new pg.Pool({ connectionString: database.url })
    // Dropping the database may cut a connection that is idle or just being closed.
    pool.on('error', () => {})
    pool.on('connect', (client) => void client.on('error', () => {}))
    events = []
  })
  afterEach(async () => {
    await pool.end()
    await database.drop()
  })

  test('the second run does nothing', async () => {
    await run()
    assert.equal(events.length, count)
    await run()
    assert.equal(events.length, count)
  })

  test('two at once: each file runs once', async () => {
    await Promise.all([run(), run(), run()])
    assert.equal(events.length, count)
  })

  test('a file that was changed after it ran stops the start', async () => {
    await run()
    writeFileSync(join(folder, '0001_objects.sql'), 'select 1')
    await assert.rejects(run(), { code: 'startup', message: /0001_objects.sql was changed/ })
  })

  test('a newer schema that says that it breaks older programs stops the start; beside any other they run', async () => {
    writeFileSync(join(folder, '9998_future.sql'), 'create table future (id int)')
    await run()
    rmSync(join(folder, '9998_future.sql'))
    await run()
    const breaking = '-- Breaks older versions: they write what is gone.\ndrop table idempotency_keys'
    writeFileSync(join(folder, '9999_future.sql'), breaking)
    await run()
    await run()
    rmSync(join(folder, '9999_future.sql'))
    await assert.rejects(run(), { code: 'startup', message: /newer weir.*\(9999_future.sql\)/ })
  })

  test('a file that fails leaves nothing of itself, and runs again when it is mended', async () => {
    writeFileSync(join(folder, '9999_broken.sql'), 'create table half (id int); select nonsense')
    await assert.rejects(run(), /nonsense/)
    const { rows } = await pool.query(`select to_regclass('half') as half`)
    assert.equal(rows[0].half, null)
    writeFileSync(join(folder, '9999_broken.sql'), 'create table half (id int)')
    await run()
    assert.equal(events.length, count + 1)
  })
})
