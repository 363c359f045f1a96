import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sample, startAdmin, type TestAdmin } from '../support/admin.ts'

const cluster = (name: string) => ({ kind: 'Cluster', name, spec: { endpoints: [] } })

describe('If-Match on the whole state', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
  })
  after(() => admin.close())
  const post = (path: string, body?: unknown, headers?: Record<string, string>) =>
    admin.call('POST', path, body, headers)
  const tagOf = async (path: string) => (await admin.call('GET', path)).headers.get('etag')

  test('an empty store has an ETag, too', async () => {
    assert.equal(await tagOf('/v1/export'), '"0"')
    assert.equal((await post('/v1/apply', sample, { 'if-match': '"1"' })).status, 412)
    const { status, headers } = await post('/v1/apply', sample, { 'if-match': '"0"' })
    assert.deepEqual([status, headers.get('etag')], [200, '"1"'])
  })

  test('an export, a dry run and the write itself carry the ETag of the whole state', async () => {
    await admin.call('PUT', '/v1/clusters/two', cluster('two')) // 2
    assert.equal(await tagOf('/v1/export'), '"2"')
    assert.equal(await tagOf('/v1/export?kind=Cluster&effective=true'), '"2"')
    assert.equal(await tagOf('/v1/export?at=1'), '"1"')
    for (const path of ['/v1/apply', '/v1/revisions/1/restore']) {
      const { headers } = await post(`${path}?dryRun=true`, path === '/v1/apply' ? sample : undefined)
      assert.equal(headers.get('etag'), '"2"', path)
    }
    const written = await post('/v1/apply', [cluster('three')]) // 3
    assert.equal(written.headers.get('etag'), '"3"')
    assert.equal((await post('/v1/apply', [cluster('three')])).headers.get('etag'), '"3"')
  })

  for (const [title, path, body] of [
    ['an apply', '/v1/apply', [cluster('late')]],
    ['an apply with prune', '/v1/apply?prune=true', [cluster('late')]],
    ['a restore', '/v1/revisions/1/restore', undefined],
  ] as const) {
    test(`412: ${title} after somebody else’s write, dry run or not, deletes and writes nothing`, async () => {
      const seen = (await tagOf('/v1/export'))!
      await admin.call('PUT', '/v1/clusters/theirs', {
        ...cluster('theirs'),
        owner: `somebody-${title.replaceAll(' ', '-')}`,
      })
      const revision = await admin.revision()
      for (const more of ['', `${path.includes('?') ? '&' : '?'}dryRun=true`]) {
        const refused = await post(`${path}${more}`, body, { 'if-match': seen })
        assert.equal(refused.status, 412, refused.text)
        assert.equal(refused.body.type, 'urn:weir:problem:precondition_failed')
        assert.match(refused.body.detail, new RegExp(`"${revision}"`))
      }
      assert.equal(await admin.revision(), revision)
    })
  }

  test('200: with the ETag of now, a list that has it, or *', async () => {
    for (const match of ['now', '"1", now', '*']) {
      const tag = (await tagOf('/v1/export'))!
      const { status } = await post('/v1/apply', [cluster(`m-${match.length}`)], {
        'if-match': match.replace('now', tag),
      })
      assert.equal(status, 200, match)
    }
    const restored = await post('/v1/revisions/1/restore', undefined, {
      'if-match': (await tagOf('/v1/export'))!,
    })
    assert.equal(restored.status, 200)
  })

  test('412: a weak ETag; 400: one without quotes', async () => {
    const tag = (await tagOf('/v1/export'))!
    assert.equal((await post('/v1/apply', sample, { 'if-match': `W/${tag}` })).status, 412)
    assert.equal((await post('/v1/apply', sample, { 'if-match': tag.replaceAll('"', '') })).status, 400)
  })

  test('of two who prune at once from the same state, one is refused', async () => {
    const tag = (await tagOf('/v1/export'))!
    const answers = await Promise.all(
      ['a', 'b'].map((name) => post('/v1/apply?prune=true', [cluster(name)], { 'if-match': tag })),
    )
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412])
  })
})

describe('a header that would have to be ignored', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
    await admin.call('POST', '/v1/apply', sample)
  })
  after(() => admin.close())
  const date = 'Sat, 24 Oct 2026 10:00:00 GMT'

  for (const [method, path, name, value] of [
    ['POST', '/v1/apply', 'If-None-Match', '*'],
    ['POST', '/v1/revisions/1/restore', 'If-None-Match', '"1"'],
    ['POST', '/v1/apply', 'If-Unmodified-Since', date],
    ['POST', '/v1/revisions/1/restore', 'If-Modified-Since', date],
    ['PUT', '/v1/clusters/echo', 'If-Unmodified-Since', date],
    ['PATCH', '/v1/clusters/echo', 'If-Modified-Since', date],
    ['DELETE', '/v1/routes/echo', 'If-Unmodified-Since', date],
    ['POST', '/v1/secrets/rotate', 'Idempotency-Key', 'once'],
    ['POST', '/v1/secrets/rotate', 'If-Match', '"1"'],
    ['POST', '/v1/secrets/rotate', 'If-None-Match', '*'],
  ] as const) {
    test(`400: ${name} on ${method} ${path}`, async () => {
      const revision = await admin.revision()
      const body = method === 'PUT' || path === '/v1/apply' ? { kind: 'Cluster', name: 'echo' } : undefined
      const answer = await admin.call(method, path, body, { [name]: value })
      assert.equal(answer.status, 400, answer.text)
      assert.ok(answer.body.detail.includes(name), answer.body.detail)
      assert.ok(answer.body.errors[0].remedy.length > 10)
      assert.equal(await admin.revision(), revision)
      assert.ok(!admin.events.some(({ event }) => event === 'secrets_rotated'))
    })
  }

  test('OpenAPI names on each write exactly those that are understood', async () => {
    const { body } = await admin.call('GET', '/docs/json')
    const headersOf = (path: string, method: string): string[] =>
      body.paths[path][method].parameters
        ?.filter((parameter: { in: string }) => parameter.in === 'header')
        .map(({ name }: { name: string }) => name)
        .sort() ?? []
    const common = ['idempotency-key', 'weir-author', 'weir-message']
    assert.deepEqual(headersOf('/v1/apply', 'post'), [...common, 'if-match'].sort())
    assert.deepEqual(headersOf('/v1/revisions/{revision}/restore', 'post'), [...common, 'if-match'].sort())
    assert.deepEqual(headersOf('/v1/clusters/{name}', 'put'), [...common, 'if-match', 'if-none-match'].sort())
    assert.deepEqual(headersOf('/v1/secrets/rotate', 'post'), [])
    assert.deepEqual(headersOf('/v1/clusters/{name}', 'get'), ['if-none-match'])
    assert.deepEqual(headersOf('/v1/export', 'get'), ['if-none-match'])
  })
})

describe('If-None-Match on reads', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
    await admin.call('POST', '/v1/apply', sample)
  })
  after(() => admin.close())

  for (const path of ['/v1/clusters/echo', '/v1/export', '/v1/clusters/echo?at=1']) {
    for (const tags of ['"1"', 'W/"1"', '"7", "1"', '*']) {
      test(`304 without a body: ${path}, ${tags}`, async () => {
        for (const method of ['GET', 'HEAD']) {
          const answer = await admin.call(method, path, undefined, { 'if-none-match': tags })
          assert.equal(answer.status, 304)
          assert.equal(answer.text, '')
          assert.equal(answer.headers.get('content-type'), null)
          assert.equal(answer.headers.get('etag'), '"1"')
          assert.equal(answer.headers.get('weir-revision'), '1')
        }
      })
    }

    test(`200: ${path}, another ETag; 400: one that is none`, async () => {
      const changed = await admin.call('GET', path, undefined, { 'if-none-match': '"0"' })
      assert.equal(changed.status, 200)
      assert.ok(changed.text.length > 0)
      assert.equal((await admin.call('GET', path, undefined, { 'if-none-match': '1' })).status, 400)
    })
  }

  test('404: what is not there, whatever the header says', async () => {
    const { status } = await admin.call('GET', '/v1/clusters/nobody', undefined, { 'if-none-match': '*' })
    assert.equal(status, 404)
  })
})
