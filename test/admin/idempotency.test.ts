import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { type Answer, startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { withClient } from '../support/postgres.ts'
import { testSecrets } from '../support/secrets.ts'

const cluster = (name: string, port = 1) => ({
  kind: 'Cluster',
  name,
  spec: { endpoints: [{ address: '127.0.0.1', port }] },
})
const same = (a: Answer, b: Answer) => {
  assert.equal(b.status, a.status)
  assert.equal(b.text, a.text)
  assert.equal(b.headers.get('weir-revision'), a.headers.get('weir-revision'))
  assert.equal(b.headers.get('etag'), a.headers.get('etag'))
}

describe('Idempotency-Key', () => {
  let admin: TestAdmin
  let other: TestAdmin
  before(async () => {
    admin = await startAdmin()
    other = await startAdmin({ databaseUrl: admin.databaseUrl, secrets: testSecrets() })
  })
  after(async () => {
    await other.close()
    await admin.close()
  })
  const key = (text: string) => ({ 'idempotency-key': text })

  test('a retry gets what the first one did and writes nothing, for every kind of write, on every replica', async () => {
    await admin.call('PUT', '/v1/clusters/base', cluster('base'))
    const requests: [string, string, unknown][] = [
      ['POST', '/v1/apply', [cluster('a'), cluster('b')]],
      ['PUT', '/v1/clusters/c', cluster('c')],
      ['PATCH', '/v1/clusters/c', { owner: 'x' }],
      ['POST', '/v1/revisions/1/restore', undefined],
      ['DELETE', '/v1/clusters/base', undefined],
    ]
    for (const [index, [method, path, body]] of requests.entries()) {
      const first = await admin.call(method, path, body, key(`each-${index}`))
      assert.equal(first.status, 200, first.text)
      const revision = await admin.revision()
      assert.equal(first.body.revision, revision)
      same(first, await other.call(method, path, body, key(`each-${index}`)))
      same(first, await admin.call(method, path, body, key(`each-${index}`)))
      assert.equal(await admin.revision(), revision)
    }
  })

  test('the first answer stands, whatever was written since', async () => {
    const first = await admin.call('PUT', '/v1/clusters/d', cluster('d', 1), key('stands'))
    await admin.call('PUT', '/v1/clusters/d', cluster('d', 2))
    same(first, await admin.call('PUT', '/v1/clusters/d', cluster('d', 1), key('stands')))
    assert.equal((await admin.call('GET', '/v1/clusters/d')).body.spec.endpoints[0].port, 2)
  })

  test('422: the key of another request', async () => {
    await admin.call('PUT', '/v1/clusters/e', cluster('e', 1), key('taken'))
    const revision = await admin.revision()
    for (const [path, body] of [
      ['/v1/clusters/e', cluster('e', 2)],
      ['/v1/clusters/f', cluster('f', 1)],
      ['/v1/clusters/e?wait=acked', cluster('e', 1)],
    ] as const) {
      const { status, body: problem } = await other.call('PUT', path, body, key('taken'))
      assert.equal(status, 422)
      assert.match(problem.errors[0].message, /another request/)
    }
    assert.equal(await admin.revision(), revision)
  })

  test('duplicates at once, over two replicas: one writes, and all get its answer', async () => {
    const revision = await admin.revision()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? admin : other).call('POST', '/v1/apply', [cluster('once')], key('at-once')),
      ),
    )
    for (const answer of answers) same(answers[0]!, answer)
    assert.equal(await admin.revision(), revision + 1)
  })

  test('a refused request keeps no key', async () => {
    const bad = await admin.call('PUT', '/v1/clusters/g', { spec: { endpoints: 1 } }, key('mended'))
    assert.equal(bad.status, 422)
    const missing = await admin.call('DELETE', '/v1/clusters/nobody', undefined, key('mended'))
    assert.equal(missing.status, 404)
    assert.equal((await admin.call('PUT', '/v1/clusters/g', cluster('g'), key('mended'))).status, 200)
  })

  test('after 24 hours a key is a new one', async () => {
    await admin.call('PUT', '/v1/clusters/i', cluster('i', 1), key('old'))
    await withClient(admin.databaseUrl, (client) =>
      client.query(`update idempotency_keys set at = now() - interval '24 hours' where key = 'old'`),
    )
    const again = await admin.call('PUT', '/v1/clusters/i', cluster('i', 2), key('old'))
    assert.equal(again.body.changes[0].action, 'updated')
  })

  test('no secret of a request is in the table, nor a digest that could be guessed from it', async () => {
    const value = 'a-very-secret-key'
    const body = JSON.stringify({ spec: { apiKeys: [{ id: 'main', value }] } })
    const headers = { ...key('secret'), 'content-type': 'application/json' }
    await admin.call('PUT', '/v1/consumers/acme', body, headers)
    const dump = await withClient(admin.databaseUrl, async (client) => {
      const { rows } = await client.query('select row_to_json(k)::text as row from idempotency_keys k')
      return rows.map(({ row }) => row).join('\n')
    })
    assert.ok(!dump.includes(value))
    const digested = `${JSON.stringify(['PUT', '/v1/consumers/acme', 'application/json', '', ''])}\n${body}`
    const keyed = createHmac('sha256', `weir idempotency ${token}`).update(digested).digest('hex')
    assert.ok(dump.includes(keyed), 'this is what is kept of the request')
    for (const guessed of [digested, body, value])
      assert.ok(!dump.includes(createHash('sha256').update(guessed).digest('hex')))
  })

  for (const bad of ['', 'a b', 'x'.repeat(256)]) {
    test(`400: a key of ${bad.length} characters that is none`, async () => {
      assert.equal((await admin.call('PUT', '/v1/clusters/j', cluster('j'), key(bad))).status, 400)
    })
  }
})
