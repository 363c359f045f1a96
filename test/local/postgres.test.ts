import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { stopProcess } from '../../src/local/child.ts'
import { removePostgresData, startPostgres } from '../../src/local/postgres.ts'
import { postgresHomePath } from '../../src/local/postgres-home.ts'
import { isAlive } from '../../src/local/process-identity.ts'
import { readRecord } from '../../src/local/run-record.ts'
import { dataDirFor, recorder, script } from './sandbox.ts'

function postgresDir(t: TestContext): string {
  const dataDir = dataDirFor(t)
  const home = postgresHomePath(dataDir)
  // Hooks run in the order of registration: by now nothing runs there any more.
  t.after(() => rmSync(home, { recursive: true, force: true }))
  return dataDir
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

test('PostgreSQL starts, keeps its data over a stop, and lets nobody in without the password', async (t) => {
  const dataDir = postgresDir(t)
  const { observe } = recorder()
  const first = await startPostgres({ dataDir, observe })
  assert.equal(first.adopted, false)
  assert.equal(new URL(first.url).hostname, '127.0.0.1')
  assert.equal(Number(new URL(first.url).port), readRecord(dataDir, 'postgres')?.port)
  assert.equal(statSync(join(dataDir, 'postgres.password')).mode & 0o777, 0o600)
  assert.equal(statSync(postgresHomePath(dataDir)).mode & 0o777, 0o700)
  await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS n')
  assert.deepEqual(await query(first.url, 'SHOW fsync'), [{ fsync: 'on' }])
  const stranger = new URL(first.url)
  stranger.password = 'guess'
  await assert.rejects(query(stranger.href, 'SELECT 1'), /password authentication failed/)
  const record = readRecord(dataDir, 'postgres')!
  await first.stop()
  assert.equal(isAlive(record), false)
  assert.equal(readRecord(dataDir, 'postgres'), undefined)

  const second = await startPostgres({ dataDir, observe })
  assert.deepEqual(await query(second.url, 'SELECT n FROM kept'), [{ n: 7 }])
  await second.stop()
  removePostgresData(dataDir)
  assert.equal(existsSync(postgresHomePath(dataDir)), false)
})

/** A PostgreSQL whose weir was killed; returns its URL. */
async function orphan(t: TestContext, dataDir: string): Promise<string> {
  const weir = script(
    t,
    `import { startPostgres } from '../../src/local/postgres.ts'
    const { url } = await startPostgres({ dataDir: ${JSON.stringify(dataDir)}, observe() {} })
    setInterval(() => {}, 1000)
    console.log(url)`,
  )
  const url = await weir.line()
  weir.kill('SIGKILL')
  await weir.exited
  return url
}

test('after kill -9 of weir PostgreSQL goes on, and the next start adopts it', async (t) => {
  const dataDir = postgresDir(t)
  const url = await orphan(t, dataDir)
  assert.deepEqual(await query(url, 'SELECT 1 AS one'), [{ one: 1 }])
  const adopted = await startPostgres({ dataDir, observe: () => {} })
  assert.deepEqual([adopted.adopted, adopted.url], [true, url])
  await adopted.stop()
})

test('after kill -9 of PostgreSQL it comes back on the same port with what was committed', async (t) => {
  const dataDir = postgresDir(t)
  const seen = recorder()
  const postgres = await startPostgres({ dataDir, observe: seen.observe })
  await query(postgres.url, 'CREATE TABLE kept AS SELECT 7 AS n')
  const restarted = seen.next('child_started')
  process.kill(readRecord(dataDir, 'postgres')!.pid, 'SIGKILL')
  await restarted
  for (;;) {
    try {
      assert.deepEqual(await query(postgres.url, 'SELECT n FROM kept'), [{ n: 7 }])
      break
    } catch (error) {
      // Not listening yet, or recovering (57P03, "cannot connect now").
      assert.match(String((error as { code?: string }).code), /^(ECONNREFUSED|ECONNRESET|57P0[1-3])$/)
    }
  }
  await postgres.stop()
})

test('what a crash or a reboot leaves does not block the start', async (t) => {
  const dataDir = postgresDir(t)
  await orphan(t, dataDir)
  // A server without a record.
  const running = readRecord(dataDir, 'postgres')!
  rmSync(join(dataDir, 'run', 'postgres.json'))
  const first = await startPostgres({ dataDir, observe: () => {} })
  assert.equal(isAlive(running), false)
  const { pid } = readRecord(dataDir, 'postgres')!
  const file = join(postgresHomePath(dataDir), 'data', 'postmaster.pid')
  const text = readFileSync(file, 'utf8')
  await first.stop()
  // A number that belongs to another process by now.
  writeFileSync(file, text.replace(String(pid), String(process.pid)), { mode: 0o600 })
  const second = await startPostgres({ dataDir, observe: () => {} })
  await second.stop()
})

test('a data dir that is deleted means a fresh start', async (t) => {
  const dataDir = postgresDir(t)
  await query(await orphan(t, dataDir), 'CREATE TABLE kept AS SELECT 7 AS n')
  const running = readRecord(dataDir, 'postgres')!
  rmSync(dataDir, { recursive: true })
  const fresh = await startPostgres({ dataDir, observe: () => {} })
  await assert.rejects(query(fresh.url, 'SELECT n FROM kept'), /does not exist/)
  // As an unprivileged user the server lost its files, which it notices within a minute or so.
  if (process.getuid?.() === 0) assert.equal(isAlive(running), false)
  await stopProcess(running, [{ signal: 'SIGQUIT', graceMs: 5_000 }])
  await fresh.stop()
})

test('a data folder that PostgreSQL cannot read is one line with the reason', async (t) => {
  const dataDir = postgresDir(t)
  const first = await startPostgres({ dataDir, observe: () => {} })
  await first.stop()
  writeFileSync(join(postgresHomePath(dataDir), 'data', 'postgresql.conf'), 'nonsense = 1\n')
  await assert.rejects(startPostgres({ dataDir, observe: () => {} }), (error: Error) => {
    assert.match(error.message, /ended at its start: .*nonsense.*postgres\.log/)
    assert.doesNotMatch(error.message, /\n/)
    return true
  })
  assert.equal(readRecord(dataDir, 'postgres'), undefined)
})
