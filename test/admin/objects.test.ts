import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sample, startAdmin, type TestAdmin } from '../support/admin.ts'

const spec = { endpoints: [{ address: '127.0.0.1', port: 9001 }] }

describe('GET, PUT and DELETE /v1/{plural}/{name}', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
    await admin.call('POST', '/v1/apply', sample)
  })
  after(() => admin.close())

  test('GET 200: the document in the order of its schema, its ETag, the revision of the state', async () => {
    const { status, text, headers } = await admin.call('GET', '/v1/routes/echo')
    assert.equal(status, 200)
    assert.equal(headers.get('etag'), '"1"')
    assert.equal(headers.get('weir-revision'), '1')
    assert.equal(
      text,
      '{"kind":"Route","name":"echo","owner":"team-checkout","spec":{"gateways":["edge"],"match":{"path":{"prefix":"/"}},' +
        '"forward":[{"cluster":"echo"}],"rateLimits":["per-key"]}}',
    )
  })

  test('GET 200: labels are shown by name', async () => {
    const { body } = await admin.call('GET', '/v1/clusters/echo')
    assert.deepEqual(Object.entries(body.labels), [
      ['a', '1'],
      ['team', 'checkout'],
    ])
  })

  for (const name of ['nope', 'a'.repeat(5_000), 'a%2Fb', 'ECHO', '%20', 'é', "';--"]) {
    test(`GET 404: ${name.slice(0, 20)}`, async () => {
      const { status, body } = await admin.call('GET', `/v1/routes/${name}`)
      assert.equal(status, 404)
      assert.equal(body.type, 'urn:weir:problem:not_found')
      assert.ok(body.detail.length < 300)
    })
  }

  test('PUT 200: creates, then replaces, with an ETag that follows', async () => {
    const created = await admin.call('PUT', '/v1/clusters/put', { spec })
    assert.equal(created.status, 200)
    assert.deepEqual(created.body.changes, [{ kind: 'Cluster', name: 'put', action: 'created' }])
    assert.equal(created.headers.get('etag'), `"${created.body.revision}"`)
    const updated = await admin.call('PUT', '/v1/clusters/put', 'spec: { endpoints: [] }\nowner: me\n')
    assert.deepEqual(updated.body.changes, [{ kind: 'Cluster', name: 'put', action: 'updated' }])
    const read = await admin.call('GET', '/v1/clusters/put')
    assert.deepEqual(read.body, { kind: 'Cluster', name: 'put', owner: 'me', spec: { endpoints: [] } })
    assert.equal(read.headers.get('etag'), updated.headers.get('etag'))
  })

  test('PUT 200: what GET answered changes nothing', async () => {
    const read = await admin.call('GET', '/v1/routes/echo')
    const put = await admin.call('PUT', '/v1/routes/echo', read.body)
    assert.equal(put.status, 200)
    assert.equal(put.body.changes[0].action, 'unchanged')
    assert.equal(put.headers.get('etag'), read.headers.get('etag'))
  })

  test('PUT 422: another kind and another name than the URL says', async () => {
    const { status, body } = await admin.call('PUT', '/v1/clusters/put', {
      kind: 'Route',
      name: 'other',
      spec,
    })
    assert.equal(status, 422)
    assert.deepEqual(
      body.errors.map(({ pointer }: { pointer: string }) => pointer),
      ['/kind', '/name'],
    )
    assert.ok(
      body.errors.every((error: object) => !('document' in error)),
      'one document needs no number',
    )
  })

  test('PUT 422: two documents', async () => {
    const { status, body } = await admin.call('PUT', '/v1/clusters/put', 'spec: {}\n---\nspec: {}\n')
    assert.equal(status, 422)
    assert.match(body.errors[0].remedy, /apply/)
  })

  test('PUT 422: a name in the URL that cannot be one', async () => {
    for (const name of ['a'.repeat(5_000), 'a%2Fb', 'Edge', '-a']) {
      const { status, body } = await admin.call('PUT', `/v1/clusters/${name}`, { spec })
      assert.equal(status, 422)
      assert.equal(body.errors[0].pointer, '/name')
    }
  })

  test('PUT 422: a missing reference, without a document number', async () => {
    const route = {
      spec: { gateways: ['edge'], match: { path: { prefix: '/' } }, forward: [{ cluster: 'nope' }] },
    }
    const { status, body } = await admin.call('PUT', '/v1/routes/new', route)
    assert.equal(status, 422)
    assert.equal(body.errors[0].pointer, '/spec/forward/0/cluster')
    assert.ok(!('document' in body.errors[0]))
  })

  test('PUT 412: a stale If-Match; 200: the present one, and *', async () => {
    const first = await admin.call('PUT', '/v1/clusters/matched', { spec })
    const etag = first.headers.get('etag')!
    const second = await admin.call(
      'PUT',
      '/v1/clusters/matched',
      { spec, owner: 'a' },
      { 'if-match': `"0", ${etag}` },
    )
    assert.equal(second.status, 200)
    const before = await admin.revision()
    const stale = await admin.call('PUT', '/v1/clusters/matched', { spec, owner: 'b' }, { 'if-match': etag })
    assert.equal(stale.status, 412)
    const weak = await admin.call(
      'PUT',
      '/v1/clusters/matched',
      { spec, owner: 'b' },
      { 'if-match': `W/${second.headers.get('etag')}` },
    )
    assert.equal(weak.status, 412, 'a weak tag never matches a write')
    assert.equal(await admin.revision(), before)
    const any = await admin.call('PUT', '/v1/clusters/matched', { spec, owner: 'c' }, { 'if-match': '*' })
    assert.equal(any.status, 200)
  })

  test('PUT 412: If-Match of an object that is not there, If-None-Match of one that is', async () => {
    const missing = await admin.call('PUT', '/v1/clusters/not-there', { spec }, { 'if-match': '*' })
    assert.equal(missing.status, 412)
    const there = await admin.call('PUT', '/v1/clusters/echo', { spec }, { 'if-none-match': '*' })
    assert.equal(there.status, 412)
  })

  test('PUT 400: an If-Match that is no entity tag', async () => {
    const { status } = await admin.call('PUT', '/v1/clusters/echo', { spec }, { 'if-match': '12' })
    assert.equal(status, 400)
  })

  test('DELETE 409: the referrers are listed', async () => {
    const { status, body } = await admin.call('DELETE', '/v1/clusters/echo')
    assert.equal(status, 409)
    assert.equal(body.type, 'urn:weir:problem:referenced')
    assert.match(body.errors[0].message, /Route\/echo at \/spec\/forward\/0\/cluster/)
  })

  test('DELETE 404, 412 and 200', async () => {
    assert.equal((await admin.call('DELETE', '/v1/clusters/nope')).status, 404)
    const { headers } = await admin.call('PUT', '/v1/clusters/gone', { spec })
    assert.equal(
      (await admin.call('DELETE', '/v1/clusters/gone', undefined, { 'if-match': '"0"' })).status,
      412,
    )
    const deleted = await admin.call('DELETE', '/v1/clusters/gone', undefined, {
      'if-match': headers.get('etag')!,
    })
    assert.equal(deleted.status, 200)
    assert.deepEqual(deleted.body.changes, [{ kind: 'Cluster', name: 'gone', action: 'deleted' }])
    assert.equal((await admin.call('GET', '/v1/clusters/gone')).status, 404)
    assert.equal((await admin.call('DELETE', '/v1/clusters/gone')).status, 404)
  })
})

describe('GET /v1/{plural}', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
    const clusters = Array.from({ length: 250 }, (_, index) => ({
      kind: 'Cluster',
      name: `c-${index}`,
      spec: { endpoints: [] },
    }))
    assert.equal((await admin.call('POST', '/v1/apply', clusters)).status, 200)
  })
  after(() => admin.close())

  test('200: pages of 100 by default, in the order of names, none missed and none twice', async () => {
    const names: string[] = []
    let cursor = ''
    let pages = 0
    do {
      const { body } = await admin.call('GET', `/v1/clusters${cursor}`)
      names.push(...body.items.map(({ name }: { name: string }) => name))
      cursor = body.next === null ? '' : `?cursor=${body.next}`
      pages++
    } while (cursor !== '')
    assert.equal(pages, 3)
    assert.equal(new Set(names).size, 250)
    assert.deepEqual(names, [...names].sort())
  })

  test('200: a limit, and next only where there is more', async () => {
    const exact = await admin.call('GET', '/v1/clusters?limit=250')
    assert.equal(exact.body.items.length, 250)
    assert.equal(exact.body.next, null)
    const none = await admin.call('GET', '/v1/routes')
    assert.deepEqual(none.body, { items: [], next: null })
  })

  for (const query of [
    'limit=0',
    'limit=1001',
    'limit=ten',
    'limit=1&limit=2',
    'cursor=x',
    'cursor=',
    'limt=5',
    'labels=a',
  ]) {
    test(`400: ?${query}`, async () => {
      const { status, body } = await admin.call('GET', `/v1/clusters?${query}`)
      assert.equal(status, 400)
      assert.notEqual(body.errors[0].remedy, '')
    })
  }

  test('400 says what was meant', async () => {
    const { body } = await admin.call('GET', '/v1/clusters?limt=5')
    assert.match(body.errors[0].message, /unknown query parameter "limt"/)
    assert.match(body.errors[0].remedy, /did you mean "limit"/)
  })
})
