import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guarded } from '../../src/store/pool.ts'
import { type Answer, startAdmin } from '../support/admin.ts'
import { openDoor } from '../support/door.ts'
import { freshDatabase } from '../support/postgres.ts'

const cluster = { spec: { endpoints: [] } }
const unwritten = 'The database cannot be reached; nothing was written.'

function assertAway({ status, headers, body }: Answer, detail = 'The database cannot be reached.'): void {
  assert.equal(status, 503)
  assert.match(headers.get('content-type')!, /^application\/problem\+json/)
  assert.ok(Number(headers.get('retry-after')) >= 1)
  assert.deepEqual([body.type, body.detail], ['urn:weir:problem:unavailable', detail])
}

test('while the database is away writes and reads answer 503 with Retry-After; back, all goes on', async () => {
  const database = await freshDatabase()
  const door = await openDoor(database.url)
  const admin = await startAdmin({ databaseUrl: door.url })
  assert.equal((await admin.call('PUT', '/v1/clusters/before', cluster)).status, 200)

  await door.shut()
  assertAway(await admin.call('PUT', '/v1/clusters/lost', cluster), unwritten)
  assertAway(await admin.call('POST', '/v1/apply', { kind: 'Cluster', name: 'lost', ...cluster }), unwritten)
  assertAway(await admin.call('DELETE', '/v1/clusters/before'), unwritten)
  assertAway(await admin.call('GET', '/v1/clusters'))
  assertAway(await admin.call('GET', '/v1/revisions'))
  assert.equal((await admin.call('GET', '/healthz')).status, 200)
  const invalid = await admin.call('POST', '/v1/apply', { kind: 'Clustr', name: 'lost' })
  assert.equal(invalid.status, 422, 'what is wrong in itself is told without the database')

  await door.open()
  const { status, body } = await admin.call('PUT', '/v1/clusters/after', cluster)
  assert.equal(status, 200)
  assert.equal(body.revision, 2)
  const { body: list } = await admin.call('GET', '/v1/clusters')
  assert.deepEqual(
    list.items.map(({ name }: { name: string }) => name),
    ['after', 'before'],
  )
  await admin.close()
  await door.shut()
  await database.drop()
})

test('a name that cannot be resolved for now is a database that is away; a mistake of the program is none', async () => {
  const failing = (code: string) => {
    const cause = Object.assign(new Error(`it failed: ${code}`), { code })
    return guarded(() => Promise.reject(new Error('Failed query: select 1', { cause })))
  }
  for (const code of ['EAI_AGAIN', 'ENOTFOUND', 'ECONNREFUSED', '57P01'])
    await assert.rejects(failing(code), { code: 'unavailable' }, code)
  for (const code of ['ERR_INVALID_ARG_TYPE', '42P01'])
    await assert.rejects(failing(code), { message: 'Failed query: select 1' }, code)
})

test('a server that goes away while connections are idle ends nothing', async () => {
  const database = await freshDatabase()
  const door = await openDoor(database.url)
  const admin = await startAdmin({ databaseUrl: door.url })
  await admin.call('GET', '/v1/clusters')
  const uncaught: Error[] = []
  const note = (error: Error) => void uncaught.push(error)
  process.on('uncaughtException', note)
  await door.shut()
  await door.open()
  // The first answer may be that the connection broke; what the pool still held has been noticed by the second.
  const statuses = [await admin.call('GET', '/v1/clusters'), await admin.call('GET', '/v1/clusters')]
  process.off('uncaughtException', note)
  assert.deepEqual(uncaught, [])
  assert.ok(statuses.every(({ status }) => [200, 503].includes(status)))
  await admin.close()
  await door.shut()
  await database.drop()
})
