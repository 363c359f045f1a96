import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { DeliverQuestion } from '../../src/admin/context.ts'
import type { Receipt } from '../../src/model/receipt.ts'
import { sample, startAdmin, type TestAdmin } from '../support/admin.ts'
import { withClient } from '../support/postgres.ts'

const cluster = (name: string, owner = '') => ({ kind: 'Cluster', name, owner, spec: { endpoints: [] } })
const key = (text: string) => ({ 'idempotency-key': text })
/** More changes than a key keeps. */
const many = Array.from({ length: 100 }, (_, index) => cluster(`many-${String(index).padStart(2, '0')}`))

describe('a retry, by Idempotency-Key', () => {
  let admin: TestAdmin
  const questions: DeliverQuestion[] = []
  let fleet: Receipt = { state: 'none', envoys: [], replicas: [] }
  before(async () => {
    const deliver = async (question: DeliverQuestion) => {
      questions.push(question)
      return fleet
    }
    admin = await startAdmin({ deliver })
    await admin.call('POST', '/v1/apply', sample) // 1
  })
  after(() => admin.close())
  const apply = (body: unknown, name: string, query = '') =>
    admin.call('POST', `/v1/apply${query}`, body, key(name))
  const asked = () => {
    const { revision, gateways, timeoutMs } = questions.at(-1)!
    return { revision, gateways: [...gateways], timeoutMs }
  }

  test('waits again for the fleet to have that revision, and tells what it has by now', async () => {
    const query = '?wait=acked&timeout=3s'
    const changed = sample.replace('9001', '9002')
    fleet = { state: 'pending', envoys: [{ gateway: 'edge', id: 'e', state: 'pending' }], replicas: [] }
    const first = await apply(changed, 'waiting', query)
    assert.deepEqual([first.status, first.body.delivery.state], [202, 'pending'])
    const question = { revision: first.body.revision, gateways: ['edge'], timeoutMs: 3_000 }
    assert.deepEqual(asked(), question)
    await admin.call('PUT', '/v1/clusters/later', cluster('later'))
    fleet = { state: 'acked', envoys: [{ gateway: 'edge', id: 'e', state: 'acked' }], replicas: [] }
    const retry = await apply(changed, 'waiting', query)
    assert.deepEqual(asked(), question)
    assert.equal(retry.status, 200)
    assert.deepEqual(retry.body, { ...first.body, delivery: fleet })
  })

  test('a long list of changes is not kept: it is read from the history, without what was left unchanged', async () => {
    await admin.call('POST', '/v1/apply', [cluster('many-00'), cluster('gone')])
    const documents = await admin.call('GET', '/v1/export')
    const pruned = documents.text.replace(/---\nkind: Cluster\nname: gone\n[^-]*/, '')
    const body = `${pruned}---\n${many
      .map((document) => JSON.stringify(document))
      .slice(1)
      .join('\n---\n')}`
    const first = await apply(body, 'long', '?prune=true')
    assert.equal(first.status, 200, first.text)
    await admin.call('PUT', '/v1/clusters/many-05', cluster('many-05', 'later'))
    const retry = await apply(body, 'long', '?prune=true')
    const byName = (changes: { name: string; action: string }[]) =>
      changes
        .filter(({ action }) => action !== 'unchanged')
        .map(({ name, action }) => `${name} ${action}`)
        .sort()
    assert.equal(retry.body.revision, first.body.revision)
    assert.deepEqual(byName(retry.body.changes), byName(first.body.changes))
    assert.equal(retry.body.changes.length, 100, '99 created and one deleted')
    const kept = await withClient(admin.databaseUrl, async (client) => {
      const { rows } = await client.query(`select changes from idempotency_keys where key = 'long'`)
      return rows[0].changes
    })
    assert.equal(kept, null)
  })

  test('a long list of objects that were all unchanged is told as no change', async () => {
    await admin.call('POST', '/v1/apply', many)
    const first = await apply(many, 'same')
    assert.equal(first.body.changes.length, 100)
    await admin.call('PUT', '/v1/clusters/many-05', cluster('many-05', 'again'))
    const retry = await apply(many, 'same')
    assert.deepEqual([retry.body.revision, retry.body.changes], [first.body.revision, []])
    assert.deepEqual(asked().gateways, ['edge'], 'what they concern is not known: every gateway is asked')
  })

  test('after a compaction it is told what was made, and that the rest is not known any more', async () => {
    const restored = await admin.call('POST', '/v1/revisions/1/restore', undefined, key('restored'))
    const put = await admin.call('PUT', '/v1/clusters/x', cluster('x'), key('put'))
    const long = await apply(many, 'compacted')
    for (const { status } of [restored, put, long]) assert.equal(status, 200)
    await admin.call('PUT', '/v1/clusters/x', cluster('x', 'later'))
    await admin.store.compact({ revisions: 1, ageMs: 1 })
    const revision = await admin.revision()

    const [restoredAgain, putAgain, longAgain] = [
      await admin.call('POST', '/v1/revisions/1/restore', undefined, key('restored')),
      await admin.call('PUT', '/v1/clusters/x', cluster('x'), key('put')),
      await apply(many, 'compacted'),
    ]
    for (const [first, again, changes] of [
      // More was restored than is kept.
      [restored, restoredAgain, []],
      [put, putAgain, put.body.changes],
      [long, longAgain, []],
    ] as const) {
      assert.equal(again.status, 200, again.text)
      const { revision: made } = first.body
      assert.equal(again.headers.get('weir-revision'), String(made))
      assert.deepEqual(again.body, {
        revision: made,
        changes,
        warnings: [],
        delivery: fleet,
        compacted: true,
      })
    }
    assert.equal(putAgain.headers.get('etag'), null, 'its form of then is not known')
    assert.equal(await admin.revision(), revision)
    const other = await apply([cluster('other')], 'compacted')
    assert.equal(other.status, 422, 'the key is still that of one request')
  })

  test('503: a new key where there are too many; the kept ones are answered, and writes without one go on', async () => {
    await apply([cluster('kept')], 'kept')
    const revision = await admin.revision()
    await withClient(admin.databaseUrl, (client) =>
      client.query(`insert into idempotency_keys (key, fingerprint, revision, effective, changes, at)
        select 'filler-' || n, '', 1, false, '[]', now() from generate_series(1, 100000) n`),
    )
    const refused = await apply([cluster('new')], 'new')
    assert.equal(refused.status, 503)
    assert.match(refused.body.errors[0].message, /100000 idempotency keys/)
    assert.equal(await admin.revision(), revision)
    assert.equal((await apply([cluster('kept')], 'kept')).body.revision, revision)
    assert.equal((await admin.call('POST', '/v1/apply', [cluster('new')])).body.revision, revision + 1)
  })
})
