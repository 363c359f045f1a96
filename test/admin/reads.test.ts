import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sample, startAdmin, type TestAdmin } from '../support/admin.ts'

describe('GET /v1/export', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
    await admin.call('POST', '/v1/apply', sample)
  })
  after(() => admin.close())

  test('200: YAML by kind and name, which applied again changes nothing', async () => {
    const { status, text, headers } = await admin.call('GET', '/v1/export')
    assert.equal(status, 200)
    assert.match(headers.get('content-type')!, /^application\/yaml/)
    assert.deepEqual(text.match(/^kind: \w+/gm), [
      'kind: Gateway',
      'kind: Cluster',
      'kind: Route',
      'kind: RateLimitPolicy',
    ])
    const again = await admin.call('POST', '/v1/apply', text)
    assert.ok(again.body.changes.every(({ action }: { action: string }) => action === 'unchanged'))
    assert.equal((await admin.call('GET', '/v1/export')).text, text)
  })

  test('200: texts that YAML could take for something else survive', async () => {
    const labels = Object.fromEntries(
      [
        'no',
        'null',
        '1e3',
        '0x10',
        '1:30',
        '~',
        ' x ',
        'a: b',
        '# c',
        '- d',
        '*e',
        '"',
        "'",
        '\n',
        'é☀',
        '2020-01-01',
        '',
      ].map((value, index) => [`l${index}`, value]),
    )
    const written = await admin.call('PUT', '/v1/clusters/odd', { labels, spec: { endpoints: [] } })
    assert.equal(written.status, 200)
    const { text } = await admin.call('GET', '/v1/export')
    const again = await admin.call('POST', '/v1/apply', text)
    assert.ok(
      again.body.changes.every(({ action }: { action: string }) => action === 'unchanged'),
      text,
    )
  })

  test('200: ?kind= alone; 400: an unknown one', async () => {
    const { text } = await admin.call('GET', '/v1/export?kind=Gateway')
    assert.deepEqual(text.match(/^kind: \w+/gm), ['kind: Gateway'])
    const wrong = await admin.call('GET', '/v1/export?kind=gatewa')
    assert.equal(wrong.status, 400)
    assert.match(wrong.body.errors[0].remedy, /did you mean "Gateway"/)
  })
})

describe('GET /v1/revisions', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
    for (const owner of ['a', 'b', 'c'])
      await admin.call('PUT', '/v1/clusters/one', { owner, spec: { endpoints: [] } })
  })
  after(() => admin.close())

  test('200: newest first, by pages', async () => {
    const first = await admin.call('GET', '/v1/revisions?limit=2')
    assert.deepEqual(
      first.body.items.map(({ revision }: { revision: number }) => revision),
      [3, 2],
    )
    const second = await admin.call('GET', `/v1/revisions?limit=2&cursor=${first.body.next}`)
    assert.deepEqual(
      second.body.items.map(({ revision }: { revision: number }) => revision),
      [1],
    )
    assert.equal(second.body.next, null)
  })

  test('200: one, with author, message and time', async () => {
    const { body } = await admin.call('GET', '/v1/revisions/2')
    assert.equal(body.revision, 2)
    assert.equal(body.author, 'api')
    assert.equal(body.message, '')
    assert.ok(Math.abs(Date.parse(body.at) - Date.now()) < 600_000)
  })

  for (const id of ['4', '0', '-1', 'x', '1.5', '99999999999999999999']) {
    test(`404: ${id}`, async () => {
      assert.equal((await admin.call('GET', `/v1/revisions/${id}`)).status, 404)
    })
  }
})

describe('what is told of the process', () => {
  let admin: TestAdmin
  let ready = true
  before(async () => {
    admin = await startAdmin({
      readiness: () => ({ ready, stopping: false, detail: { database: 'away since 10:00' } }),
      fleet: () => [
        {
          gateway: 'edge',
          id: 'edge-1',
          labels: { track: 'canary' },
          version: '1.40.0',
          addresses: ['127.0.0.1'],
          state: 'connected',
          peer: '127.0.0.1:4711',
          connectedAt: '2026-01-01T00:00:00.000Z',
          types: {},
          lastNack: null,
        },
      ],
    })
  })
  after(() => admin.close())
  const open = { authorization: '' }

  test('/healthz 200 without a token', async () => {
    const { status, body } = await admin.call('GET', '/healthz', undefined, open)
    assert.deepEqual([status, body], [200, { status: 'ok', version: '0.0.0-test' }])
  })

  test('/readyz 200 and 503 with the reason, without a token', async () => {
    const yes = await admin.call('GET', '/readyz', undefined, open)
    assert.deepEqual([yes.status, yes.body.detail], [200, { database: 'away since 10:00' }])
    ready = false
    const no = await admin.call('GET', '/readyz', undefined, open)
    assert.equal(no.status, 503)
    assert.match(no.headers.get('content-type')!, /^application\/problem\+json/)
    assert.deepEqual(no.body.readiness, { database: 'away since 10:00', stopping: false })
  })

  test('/metrics 200 in the type that the registry names', async () => {
    const { status, text, headers } = await admin.call('GET', '/metrics')
    assert.deepEqual([status, text], [200, 'weir_up 1\n'])
    assert.match(headers.get('content-type')!, /^text\/plain; version=0.0.4/)
  })

  test('/v1/fleet 200', async () => {
    const { status, body } = await admin.call('GET', '/v1/fleet')
    assert.equal(status, 200)
    assert.equal(body.items[0].id, 'edge-1')
  })

  test('each request is observed once, by the pattern of its route and never its URL', async () => {
    admin.events.length = 0
    await admin.call('GET', '/v1/clusters/secret-name')
    await admin.call('GET', '/v1/nowhere/secret-name')
    // The answer may arrive before the event is told.
    while (admin.events.length < 2) await new Promise(setImmediate)
    assert.deepEqual(
      admin.events.map((event) =>
        event.event === 'request' ? [event.method, event.route, event.status] : event,
      ),
      [
        ['GET', '/v1/clusters/:name', 404],
        ['GET', 'unmatched', 404],
      ],
    )
  })
})
