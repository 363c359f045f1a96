import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { type MasterKey, masterKey } from '../../src/secrets/master-key.ts'
import { startAdmin, type TestAdmin } from '../support/admin.ts'
import { selfSigned } from '../support/certificate.ts'
import { type FreshDatabase, freshDatabase, withClient } from '../support/postgres.ts'
import { testSecrets } from '../support/secrets.ts'

const { certificate, privateKey } = selfSigned('shop.example')
const documents = [
  { kind: 'Certificate', name: 'shop', spec: { pem: { certificate, privateKey } } },
  { kind: 'Consumer', name: 'acme', spec: { apiKeys: [{ id: 'main', value: 'a-rotated-api-key' }] } },
]

describe('a rotation of the master key', () => {
  const [old, next] = [masterKey(randomBytes(32)), masterKey(randomBytes(32))]
  let database: FreshDatabase
  const opened: TestAdmin[] = []
  before(async () => {
    database = await freshDatabase()
  })
  after(async () => {
    for (const admin of opened) await admin.close()
    await database.drop()
  })

  async function replica(...keys: [MasterKey, ...MasterKey[]]): Promise<TestAdmin> {
    const admin = await startAdmin({ databaseUrl: database.url, secrets: testSecrets(...keys) })
    opened.push(admin)
    return admin
  }
  const apply = async (admin: TestAdmin, what: object[] = documents) =>
    (await admin.call('POST', '/v1/apply', what)).body.changes?.map(
      ({ action }: { action: string }) => action,
    )
  const keyIds = () =>
    withClient(database.url, async (client) => {
      const { rows } = await client.query(
        `select key_id from secrets where ciphertext is not null union select key_id from secret_hash_key`,
      )
      return rows.map(({ key_id }) => key_id)
    })

  test('with one key that was set there is nothing to rotate to, and the answer says what to do', async () => {
    const admin = await replica(old)
    assert.deepEqual(await apply(admin), ['created', 'created'])
    const { status, body } = await admin.call('POST', '/v1/secrets/rotate')
    assert.equal(status, 409)
    assert.match(body.errors[0].remedy, /WEIR_SECRET_KEY_PREVIOUS/)
    assert.deepEqual(await keyIds(), [old.id])
  })

  test('until it happens, what a replica with both keys writes can be read by one with the old key', async () => {
    const both = await replica(next, old)
    const late = { ...documents[0]!, name: 'late' }
    assert.deepEqual(await apply(both, [late]), ['created'])
    assert.deepEqual(await apply(await replica(old), [late]), ['unchanged'])
    assert.deepEqual(await keyIds(), [old.id])
  })

  test('a session that ends in the middle of it leaves everything under the old key', async () => {
    const both = await replica(next, old)
    await withClient(database.url, async (client) => {
      await client.query('begin; lock table secret_hash_key in exclusive mode')
      const rotating = both.call('POST', '/v1/secrets/rotate')
      // It has put the secrets under the new key, in its transaction, and waits for the row of the hash key.
      assert.ok(await endWaiting(database.url), 'a session was ended')
      assert.equal((await rotating).status, 503)
      await client.query('rollback')
    })
    assert.deepEqual(await keyIds(), [old.id])
    assert.deepEqual(await apply(both), ['unchanged', 'unchanged'])
  })

  test('all is under the new key then, and no document has changed', async () => {
    const both = await replica(next, old)
    const revision = await both.revision()
    const { status, body } = await both.call('POST', '/v1/secrets/rotate')
    assert.equal(status, 200)
    assert.deepEqual(body, { from: old.id, to: next.id, secrets: 2 })
    assert.deepEqual(await keyIds(), [next.id])
    const alone = await replica(next)
    assert.deepEqual(await apply(alone), ['unchanged', 'unchanged'])
    assert.equal(await alone.revision(), revision)
    const { text } = await alone.call('GET', '/v1/export')
    assert.deepEqual(await apply(alone, text as never), ['unchanged', 'unchanged', 'unchanged'])
  })

  test('a replica that knows the old key alone refuses to write secrets, and goes on with all else', async () => {
    const stale = opened[0]!
    const { status, body } = await stale.call('POST', '/v1/apply', documents)
    assert.equal(status, 503)
    assert.match(body.detail, new RegExp(next.id))
    assert.deepEqual(await apply(stale, [{ kind: 'Plan', name: 'gold', spec: {} }]), ['created'])
  })

  test('a start with that key alone stops with one line', async () => {
    await assert.rejects(
      startAdmin({ databaseUrl: database.url, secrets: testSecrets(old) }),
      (error: Error) => {
        assert.match(error.message, new RegExp(`under the key ${next.id}.*it has ${old.id}.*WEIR_SECRET_KEY`))
        assert.ok(!error.message.includes('\n'))
        return true
      },
    )
  })
})

/** Ends the session that waits for the row of the hash key; on a connection of its own, whose view is always fresh. */
function endWaiting(url: string): Promise<boolean> {
  return withClient(url, async (client) => {
    const deadline = Date.now() + 8_000
    while (Date.now() < deadline) {
      const { rowCount } = await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query like '%secret_hash_key%'`,
      )
      if (rowCount !== 0) return true
    }
    return false
  })
}

test('a lost key stops nothing once its secrets are deleted, and their clear values are written anew', async () => {
  const database = await freshDatabase()
  const start = () =>
    startAdmin({ databaseUrl: database.url, secrets: testSecrets(masterKey(randomBytes(32))) })
  const first = await start()
  await first.call('POST', '/v1/apply', documents)
  await first.close()
  await assert.rejects(start(), { code: 'startup' })
  await withClient(database.url, (client) => client.query('delete from secrets'))
  const second = await start()
  try {
    const { text } = await second.call('GET', '/v1/export')
    assert.equal((await second.call('POST', '/v1/apply', text)).body.errors.length, 2)
    const { body } = await second.call('POST', '/v1/apply', documents)
    assert.deepEqual(
      body.changes.map(({ action }: { action: string }) => action),
      ['updated', 'updated'],
    )
  } finally {
    await second.close()
    await database.drop()
  }
})
