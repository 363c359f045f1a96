import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sample, startAdmin, type TestAdmin } from '../support/admin.ts'

const merge = { 'content-type': 'application/merge-patch+json' }

describe('PATCH /v1/{plural}/{name}', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
    await admin.call('POST', '/v1/apply', sample)
  })
  after(() => admin.close())
  const patch = (name: string, change: unknown, headers: Record<string, string> = merge) =>
    admin.call('PATCH', `/v1/clusters/${name}`, change, headers)
  const read = async (name: string) => (await admin.call('GET', `/v1/clusters/${name}`)).body

  test('200: fields are set, taken away by null, and what is not named stays', async () => {
    const { status, body, headers } = await patch('echo', {
      owner: 'ops',
      labels: { team: null, tier: 'gold' },
      spec: { connectTimeout: '2s' },
    })
    assert.equal(status, 200)
    assert.deepEqual(body.changes, [{ kind: 'Cluster', name: 'echo', action: 'updated' }])
    assert.equal(headers.get('etag'), `"${body.revision}"`)
    assert.deepEqual(await read('echo'), {
      kind: 'Cluster',
      name: 'echo',
      labels: { a: '1', tier: 'gold' },
      owner: 'ops',
      spec: { endpoints: [{ address: '127.0.0.1', port: 9001 }], connectTimeout: '2s' },
    })
  })

  test('200: application/json too; a list is replaced as a whole; the same again is unchanged', async () => {
    const change = { spec: { endpoints: [{ address: '127.0.0.1', port: 9009 }] } }
    assert.equal((await patch('echo', change, {})).status, 200)
    assert.deepEqual((await read('echo')).spec.endpoints, change.spec.endpoints)
    const again = await patch('echo', change, {})
    assert.equal(again.body.changes[0].action, 'unchanged')
    assert.equal((await patch('echo', {})).body.changes[0].action, 'unchanged')
  })

  test('200: patches of different fields at once all survive', async () => {
    await admin.call('PUT', '/v1/clusters/shared', { spec: { endpoints: [] } })
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, index) => patch('shared', { labels: { [`l${index}`]: String(index) } })),
    )
    assert.ok(answers.every(({ status }) => status === 200))
    assert.equal(Object.keys((await read('shared')).labels).length, 30)
  })

  test('200 and 412: If-Match', async () => {
    const { headers } = await admin.call('GET', '/v1/clusters/echo')
    const etag = headers.get('etag')!
    const first = await patch('echo', { owner: 'first' }, { ...merge, 'if-match': etag })
    assert.equal(first.status, 200)
    const stale = await patch('echo', { owner: 'second' }, { ...merge, 'if-match': etag })
    assert.equal(stale.status, 412)
    assert.equal((await read('echo')).owner, 'first')
  })

  test('200: a secret stays, whatever else is patched', async () => {
    const spec = { apiKeys: [{ id: 'main', value: 'a-long-random-key' }] }
    await admin.call('PUT', '/v1/consumers/acme', { spec })
    const before = (await admin.call('GET', '/v1/consumers/acme')).body
    assert.ok(before.spec.apiKeys[0].value.secretRef)
    const { status } = await admin.call('PATCH', '/v1/consumers/acme', { owner: 'x' }, merge)
    assert.equal(status, 200)
    assert.deepEqual((await admin.call('GET', '/v1/consumers/acme')).body.spec, before.spec)
  })

  const refused = [
    { title: 'kind', change: { kind: 'Gateway' }, pointer: '/kind' },
    { title: 'name', change: { name: 'other' }, pointer: '/name' },
    { title: 'kind taken away', change: { kind: null }, pointer: '/kind' },
    { title: 'name taken away', change: { name: null }, pointer: '/name' },
    { title: 'an unknown field', change: { spec: { endpints: [] } }, pointer: '/spec/endpints' },
    {
      title: 'a required part taken away',
      change: { spec: { endpoints: [{}] } },
      pointer: '/spec/endpoints/0/address',
    },
    { title: 'a list', change: [{ op: 'add' }], pointer: '' },
    { title: '"__proto__"', change: '{"spec":{"__proto__":{"a":1}}}', pointer: '/spec/__proto__' },
  ]
  for (const { title, change, pointer } of refused) {
    test(`422: ${title}`, async () => {
      const revision = await admin.revision()
      const { status, body } = await patch('echo', change)
      assert.equal(status, 422)
      assert.ok(
        body.errors.some((error: { pointer: string }) => error.pointer === pointer),
        JSON.stringify(body),
      )
      assert.equal(await admin.revision(), revision)
    })
  }

  test('404: an object that is not there', async () => {
    assert.equal((await patch('nobody', { owner: 'x' })).status, 404)
  })

  for (const type of ['application/yaml', 'text/plain', 'application/json-patch+json']) {
    test(`415: ${type}`, async () => {
      const { status, body } = await patch('echo', { owner: 'x' }, { 'content-type': type })
      assert.equal(status, 415)
      assert.match(body.errors[0].remedy, /merge-patch\+json/)
    })
  }
})
