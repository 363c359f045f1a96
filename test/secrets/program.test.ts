import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { newKeyText, parseMasterKey } from '../../src/secrets/master-key.ts'
import { selfSigned } from '../support/certificate.ts'
import { type FreshDatabase, freshDatabase, withClient } from '../support/postgres.ts'
import { weir as run } from '../support/run-weir.ts'
import { startWeir, type Weir } from '../support/weir.ts'

const { certificate, privateKey } = selfSigned('shop.example')
const shop = { kind: 'Certificate', name: 'shop', spec: { pem: { certificate, privateKey } } }

describe('the key file of a weir', () => {
  let database: FreshDatabase
  let dataDir: string
  let weir: Weir
  const file = () => join(dataDir, 'secret.key')
  const keys = () => readFileSync(file(), 'utf8').trim().split('\n')
  const ids = () => keys().map((text) => parseMasterKey(text)!.id)
  const start = () => startWeir({ dataDir, environment: { DATABASE_URL: database.url } })
  const rotate = () => run(['secrets', 'rotate-key', '--url', weir.url, '--data-dir', dataDir])
  const actions = async () =>
    (await weir.api('POST', '/v1/apply', [shop])).body.changes.map(({ action }: { action: string }) => action)
  before(async () => {
    database = await freshDatabase()
    dataDir = mkdtempSync(`${tmpdir()}/weir-key-`)
    weir = await start()
  })
  after(async () => {
    await weir.end()
    await database.drop()
    rmSync(dataDir, { recursive: true })
  })

  test('is made at the first start, for its owner alone', async () => {
    assert.equal(statSync(file()).mode & 0o777, 0o600)
    assert.equal(keys().length, 1)
    assert.deepEqual(await actions(), ['created'])
  })

  test('rotate-key puts a new key in its place and says so by ids alone', async () => {
    const [before] = ids()
    const { code, stdout, stderr } = await rotate()
    assert.equal(code, 0, stderr)
    const [now, ...more] = ids()
    assert.deepEqual(more, [])
    assert.notEqual(now, before)
    assert.equal(stdout, `key ${now} is in force instead of ${before}; 1 encrypted secrets are under it\n`)
    assert.ok(!weir.output().includes(keys()[0]!))
    assert.deepEqual(await actions(), ['unchanged'])
  })

  test('a weir that is killed in the middle of it goes on with both keys, and finishes when asked again', async () => {
    const [before] = ids()
    await withClient(database.url, async (client) => {
      await client.query('begin; lock table secrets in exclusive mode')
      const answer = rotate()
      await waiting(database.url)
      process.kill(weir.pid, 'SIGKILL')
      assert.notEqual((await answer).code, 0)
      await client.query('rollback')
    })
    assert.equal(keys().length, 2, 'the new key was on the disk before anything was put under it')
    await weir.end().catch(() => undefined)
    weir = await start()
    assert.deepEqual(await actions(), ['unchanged'])
    const { code, stdout, stderr } = await rotate()
    assert.equal(code, 0, stderr)
    assert.equal(keys().length, 1)
    assert.match(stdout, new RegExp(`key ${ids()[0]} is in force instead of ${before}`))
    assert.deepEqual(await actions(), ['unchanged'])
  })

  test('it can be rotated to a key that is set, and the file is not needed any more', async () => {
    const given = newKeyText()
    await weir.end()
    weir = await startWeir({ dataDir, environment: { DATABASE_URL: database.url, WEIR_SECRET_KEY: given } })
    assert.equal((await rotate()).code, 0)
    rmSync(file())
    await weir.end()
    weir = await startWeir({ dataDir, environment: { DATABASE_URL: database.url, WEIR_SECRET_KEY: given } })
    assert.deepEqual(await actions(), ['unchanged'])
    const again = await rotate()
    assert.equal(again.code, 1)
    assert.match(again.stderr, /already.*WEIR_SECRET_KEY_PREVIOUS/s)
  })

  test('without its key weir does not start, says what to do, and makes no key', async () => {
    await weir.end()
    const environment = { DATABASE_URL: database.url, WEIR_DATA_DIR: dataDir, WEIR_ADMIN_ADDR: '127.0.0.1:0' }
    const { code, stderr } = await run(['serve'], { environment })
    assert.equal(code, 1)
    assert.match(stderr, /^weir: The secrets in the database are under the key .*WEIR_SECRET_KEY.*$/m)
    assert.throws(() => statSync(file()))
  })
})

test('a WEIR_SECRET_KEY that is none stops the start and is not told', async () => {
  for (const variable of ['WEIR_SECRET_KEY', 'WEIR_SECRET_KEY_PREVIOUS']) {
    const environment = { DATABASE_URL: 'postgres://127.0.0.1:1/x', [variable]: 'hunter2-hunter2-hunter2' }
    const { code, stderr } = await run(['serve'], { environment })
    assert.equal(code, 1)
    assert.match(stderr, new RegExp(`^weir: ${variable} is not 32 bytes.*openssl rand`))
    assert.ok(!stderr.includes('hunter2'))
  }
})

test('rotate-key explains itself with an example', async () => {
  const { code, stdout } = await run(['secrets', 'rotate-key', '--help'])
  assert.equal(code, 0)
  assert.match(stdout, /WEIR_SECRET_KEY_PREVIOUS[\s\S]*Example: weir secrets rotate-key/)
})

/** Resolves when a session waits for a lock on the table of secrets. */
async function waiting(url: string): Promise<void> {
  await withClient(url, async (client) => {
    const deadline = Date.now() + 8_000
    while (Date.now() < deadline) {
      const { rowCount } = await client.query(
        `select from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query like '%secrets%'`,
      )
      if (rowCount !== 0) return
    }
    throw new Error('No session waits for the secrets.')
  })
}
