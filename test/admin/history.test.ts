import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sample, startAdmin, type TestAdmin } from '../support/admin.ts'

const put = (admin: TestAdmin, name: string, port: number) =>
  admin.call('PUT', `/v1/clusters/${name}`, { spec: { endpoints: [{ address: '127.0.0.1', port }] } })

describe('the history', () => {
  let admin: TestAdmin
  let times: string[] = []
  before(async () => {
    admin = await startAdmin()
    await admin.call('POST', '/v1/apply', sample) // 1
    await put(admin, 'one', 1) // 2
    await put(admin, 'one', 2) // 3
    await admin.call('DELETE', '/v1/clusters/one') // 4
    await put(admin, 'two', 3) // 5
    const { body } = await admin.call('GET', '/v1/revisions')
    times = body.items.map(({ at }: { at: string }) => at).reverse()
  })
  after(() => admin.close())
  const port = async (at: string | number) =>
    (await admin.call('GET', `/v1/clusters/one?at=${at}`)).body.spec?.endpoints[0].port

  describe('?at=', () => {
    test('200: an object at a revision, with the ETag and the revision of then', async () => {
      assert.deepEqual([await port(2), await port(3), await port(4)], [1, 2, undefined])
      const { status, headers } = await admin.call('GET', '/v1/clusters/echo?at=3')
      assert.equal(status, 200)
      assert.equal(headers.get('etag'), '"1"')
      assert.equal(headers.get('weir-revision'), '3')
    })

    test('200: a time means the last revision before it', async () => {
      for (const [index, at] of times.entries()) {
        const later = new Date(Date.parse(at) + 1).toISOString()
        const { headers } = await admin.call('GET', `/v1/clusters?at=${later}`)
        assert.ok(Number(headers.get('weir-revision')) >= index + 1)
      }
      const future = await admin.call('GET', '/v1/clusters?at=2999-01-01T00:00:00%2B01:00')
      assert.equal(future.headers.get('weir-revision'), '5')
      const unescaped = await admin.call('GET', '/v1/clusters?at=2999-01-01T00:00:00+01:00')
      assert.equal(unescaped.status, 200)
    })

    test('200: a list, with pages and filters, and an export', async () => {
      const first = await admin.call('GET', '/v1/clusters?at=3&limit=1')
      assert.deepEqual(first.body.items[0].name, 'echo')
      const second = await admin.call('GET', `/v1/clusters?at=3&limit=1&cursor=${first.body.next}`)
      assert.deepEqual([second.body.items[0].name, second.body.next], ['one', null])
      const labelled = await admin.call('GET', '/v1/clusters?at=3&labels=team=checkout')
      assert.equal(labelled.body.items.length, 1)
      const { text } = await admin.call('GET', '/v1/export?at=3&kind=Cluster')
      assert.deepEqual(text.match(/^name: \w+/gm), ['name: echo', 'name: one'])
    })

    for (const [at, status] of [
      ['0', 404],
      ['6', 404],
      ['99999999999999', 404],
      ['1999-01-01T00:00:00Z', 404],
      ['yesterday', 400],
      ['2026-13-01T00:00:00Z', 400],
      ['2026-01-01', 400],
      ['-1', 400],
      ['', 400],
    ] as const) {
      test(`${status}: ?at=${at}`, async () => {
        const answer = await admin.call('GET', `/v1/clusters?at=${at}`)
        assert.equal(answer.status, status)
        assert.ok(answer.body.errors[0].remedy)
      })
    }
  })

  describe('GET /v1/revisions/{n}/diff', () => {
    const diff = async (path: string) => (await admin.call('GET', `/v1/revisions/${path}`)).body

    test('200: against the one before', async () => {
      assert.deepEqual(await diff('3/diff'), {
        from: 2,
        to: 3,
        items: [
          {
            kind: 'Cluster',
            name: 'one',
            action: 'updated',
            patch: [{ op: 'replace', path: '/spec/endpoints/0/port', value: 2, old: 1 }],
          },
        ],
      })
      const [created] = (await diff('2/diff')).items
      assert.deepEqual([created.action, created.patch[0].op, created.patch[0].path], ['created', 'add', ''])
      const [deleted] = (await diff('4/diff')).items
      assert.deepEqual([deleted.action, deleted.patch[0].old.spec.endpoints[0].port], ['deleted', 2])
      assert.equal((await diff('1/diff')).items.length, 4)
    })

    test('200: ?from= any other one, in both directions', async () => {
      const items = async (path: string) =>
        (await diff(path)).items.map(({ name, action }: { name: string; action: string }) => [name, action])
      assert.deepEqual(await items('5/diff?from=1'), [['two', 'created']])
      assert.deepEqual(await items('1/diff?from=5'), [['two', 'deleted']])
      assert.deepEqual(await items('2/diff?from=5'), [
        ['one', 'created'],
        ['two', 'deleted'],
      ])
      assert.deepEqual(await items('3/diff?from=3'), [])
      assert.equal((await items('5/diff?from=0')).length, 5)
    })

    test('404: what was never written', async () => {
      for (const path of ['6/diff', '0/diff', 'x/diff', '5/diff?from=6'])
        assert.equal((await admin.call('GET', `/v1/revisions/${path}`)).status, 404, path)
      assert.equal((await admin.call('GET', '/v1/revisions/5/diff?from=x')).status, 400)
    })
  })

  describe('GET /v1/export', () => {
    test('200: ?effective=true fills in the defaults, and writes nothing', async () => {
      const { text } = await admin.call('GET', '/v1/export?effective=true&kind=Gateway')
      const plain = await admin.call('GET', '/v1/export?kind=Gateway')
      assert.ok(text.length > plain.text.length)
      assert.match(text, /onUnavailable|rateLimitService|timeout/)
      assert.equal((await admin.call('GET', '/v1/export?kind=Gateway')).text, plain.text)
    })
  })
})

describe('POST /v1/revisions/{n}/restore', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
    await admin.call('POST', '/v1/apply', sample) // 1
    await put(admin, 'echo', 2) // 2: loses its labels, too
    await put(admin, 'more', 3) // 3
  })
  after(() => admin.close())
  const restore = (path: string, headers?: Record<string, string>) =>
    admin.call('POST', `/v1/revisions/${path}`, undefined, headers)

  test('200: a dry run says what would change', async () => {
    const { status, body } = await restore('1/restore?dryRun=true')
    assert.equal(status, 200)
    assert.deepEqual(body.changes, [
      { kind: 'Cluster', name: 'echo', action: 'updated' },
      { kind: 'Cluster', name: 'more', action: 'deleted' },
    ])
    assert.equal(await admin.revision(), 3)
  })

  test('200: the state of then is a new revision, which says so', async () => {
    const before = await admin.call('GET', '/v1/export?at=1')
    const { status, body } = await restore('1/restore?wait=acked')
    assert.equal(status, 200)
    assert.equal(body.revision, 4)
    assert.equal((await admin.call('GET', '/v1/export')).text, before.text)
    const { body: revision } = await admin.call('GET', '/v1/revisions/4')
    assert.equal(revision.message, 'restore revision 1')
  })

  test('200: where nothing differs, nothing is written', async () => {
    const { body } = await restore('1/restore')
    assert.deepEqual([body.revision, body.changes], [4, []])
  })

  test('200: with a message of one’s own', async () => {
    const { body } = await restore('3/restore', { 'weir-message': 'back' })
    assert.equal((await admin.call('GET', `/v1/revisions/${body.revision}`)).body.message, 'back')
  })

  test('404: what was never written', async () => {
    for (const path of ['999/restore', '0/restore', 'x/restore'])
      assert.equal((await restore(path)).status, 404, path)
  })
})
