import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sample } from '../support/admin.ts'
import { type LimitedAdmin, startLimitedAdmin } from '../support/limited-admin.ts'

/** Beside the sample: a route with limits of every sort. */
const limits = `
---
kind: RateLimitPolicy
name: per-tenant
spec:
  algorithm: token_bucket
  capacity: 4
  refill: { tokens: 1, every: 10s }
  key: [{ header: x-tenant }, { client_ip: true }]
  overrides: [{ match: { header: { x-tenant: acme } }, capacity: 6 }]
---
kind: RateLimitPolicy
name: queue
spec: { algorithm: leaky_bucket, queue: 1, rate: { requests: 1, every: 500ms }, key: [{ path: true }] }
---
kind: RateLimitPolicy
name: shadow
spec: { algorithm: sliding_window, limit: 0, window: 1h, key: [{ constant: all }], mode: shadow }
---
kind: RateLimitPolicy
name: skipping
spec: { algorithm: fixed_window, limit: 1, window: 1m, key: [{ query: token }], onMissing: skip }
---
kind: Route
name: limited
spec:
  gateways: [edge]
  match: { path: { prefix: /limited } }
  forward: [{ cluster: echo }]
  rateLimits: [per-tenant, queue, shadow, skipping]
`

describe('POST /v1/explain', () => {
  let admin: LimitedAdmin
  before(async () => {
    admin = await startLimitedAdmin()
    await admin.apply(sample + limits)
  })
  after(() => admin.close())

  const ask = async (question: object) => {
    const { status, body, text } = await admin.call('POST', '/v1/explain', { gateway: 'edge', ...question })
    assert.equal(status, 200, text)
    return body
  }

  test('200: the route, each policy with its key, numbers and reason, and what Envoy would send', async () => {
    const { request, route, decision, rateLimitRequests } = await ask({
      path: '/limited//a?token=1',
      headers: { 'X-Tenant': 'acme' },
    })
    assert.deepEqual(request, {
      ...{ gateway: 'edge', listener: 'http', method: 'GET', host: 'localhost' },
      ...{ path: '/limited/a?token=1', clientIp: '127.0.0.1' },
    })
    assert.deepEqual(route, { name: 'limited' })
    assert.deepEqual([decision.status, decision.reason], [200, 'the gateway lets it pass'])
    const [tenant, queue, shadow, skipping] = decision.limits
    const { key, reason, ...rest } = tenant
    assert.match(key.id, /^[A-P][A-Za-z0-9_-]{21}$/)
    assert.deepEqual(key.parts, [
      { part: 'header:x-tenant', value: 'acme' },
      { part: 'client_ip', value: '127.0.0.1' },
    ])
    assert.notEqual(reason, '')
    assert.deepEqual(rest, {
      ...{ policy: 'per-tenant', allowed: true, result: 'admitted', enforced: true, cost: 1 },
      numbers: { algorithm: 'token_bucket', capacity: 6, refill: { tokens: 1, every: '10s' } },
      ...{ limit: 6, from: 'override 0', unit: '1us', remaining: 6, reset: 0 },
    })
    assert.deepEqual(queue.numbers, {
      ...{ algorithm: 'leaky_bucket', queue: 1 },
      rate: { requests: 1, every: '500ms' },
    })
    assert.deepEqual([queue.limit, queue.remaining, queue.delayMs], [2, 2, undefined])
    assert.deepEqual([shadow.allowed, shadow.result, shadow.enforced], [true, 'denied', false])
    assert.equal(shadow.numbers.window, '1h')
    assert.deepEqual(
      [skipping.result, skipping.key.parts],
      ['admitted', [{ part: 'query:token', value: '1' }]],
    )
    const entries = (index: number) =>
      rateLimitRequests[0].descriptors[index].entries.map((entry: { key: string; value: string }) => [
        entry.key,
        entry.value,
      ])
    assert.deepEqual(entries(0), [
      ['policy', 'per-tenant'],
      ['header:x-tenant', 'acme'],
      ['remote_address', '127.0.0.1'],
    ])
    assert.deepEqual(entries(3), [
      ['policy', 'skipping'],
      [':path', '/limited/a?token=1'],
    ])
    assert.deepEqual(Object.keys(rateLimitRequests[0]).sort(), ['descriptors', 'domain'])
  })

  test('asking takes nothing; what it says that Envoy would send, does', async () => {
    const question = { path: '/limited/counted', headers: { 'x-tenant': 'b' } }
    for (let index = 0; index < 3; index++) await ask(question)
    const first = await ask(question)
    assert.equal(first.decision.limits[0].remaining, 4)
    assert.ok(admin.count(first.rateLimitRequests))
    const second = await ask(question)
    assert.equal(second.decision.limits[0].remaining, 3)
    assert.equal(second.decision.limits[1].delayMs, 500)
    assert.equal(second.decision.reason, 'the gateway lets it pass after 500 ms in the queue of queue')
    assert.ok(admin.count(second.rateLimitRequests))
    const { decision, rateLimitRequests } = await ask(question)
    assert.deepEqual([decision.status, decision.reason], [429, 'queue refuses it'])
    const [tenant, queue, , skipping] = decision.limits
    assert.deepEqual([tenant.allowed, queue.allowed, queue.retryAfter], [true, false, 1])
    assert.deepEqual([skipping.result, skipping.allowed], ['skipped', true])
    assert.equal(admin.count(rateLimitRequests), false)
    assert.equal((await ask(question)).decision.limits[0].remaining, 2)
  })

  test('a credential is shown where Envoy would send it, and never as a key', async () => {
    const { decision, rateLimitRequests } = await ask({ path: '/', headers: { 'x-api-key': 'hush' } })
    assert.deepEqual(decision.limits[0].key.parts, [{ part: 'header:x-api-key', hidden: true }])
    assert.equal(JSON.stringify(decision).includes('hush'), false)
    assert.deepEqual(rateLimitRequests[0].descriptors[0].entries[1], {
      ...{ key: 'header:x-api-key', value: 'hush' },
    })
    assert.equal(JSON.stringify(admin.events).includes('hush'), false)
  })

  test('200: no route, and what Envoy answers itself', async () => {
    const none = await ask({ path: '/a%2Fb', host: 'shop.example' })
    assert.deepEqual(
      [none.route, none.decision.status, none.decision.limits, none.rateLimitRequests],
      [null, 307, [], []],
    )
    assert.deepEqual(none.request, { gateway: 'edge', listener: 'http' })
  })

  test('422: every field that is wrong is named, with what to write', async () => {
    const { status, body, headers } = await admin.call('POST', '/v1/explain', {
      ...{ gateway: 'edge', method: 'get', path: 'x', host: 'a b', clientIp: '1.2.3', listner: 'http' },
      headers: { ':path': '/', 'x-a': 'a\nb', 'x-b': [], 'x-c': 1 },
    })
    assert.equal(status, 422)
    assert.match(headers.get('content-type')!, /^application\/problem\+json/)
    const pointers = body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()
    assert.deepEqual(pointers, [
      ...['/clientIp', '/headers/:path', '/headers/x-a', '/headers/x-b', '/headers/x-c', '/host', '/listner'],
      ...['/method', '/path'],
    ])
    for (const { remedy } of body.errors) assert.notEqual(remedy, '')
  })

  test('422: an unknown gateway or listener, and what was meant', async () => {
    const gateway = await admin.call('POST', '/v1/explain', { gateway: 'egde', path: '/' })
    assert.equal(gateway.status, 422)
    assert.match(gateway.body.errors[0].remedy, /did you mean "edge"/)
    const listener = await admin.call('POST', '/v1/explain', { gateway: 'edge', listener: 'htpp', path: '/' })
    assert.equal(listener.body.errors[0].pointer, '/listener')
    assert.match(listener.body.errors[0].remedy, /did you mean "http"/)
  })

  test('400, 405, 415: no JSON, another method, another media type', async () => {
    const json = { 'content-type': 'application/json' }
    assert.equal((await admin.call('POST', '/v1/explain', '{', json)).status, 400)
    assert.equal((await admin.call('POST', '/v1/explain', '[]', json)).status, 422)
    assert.equal((await admin.call('POST', '/v1/explain', 'gateway: edge')).status, 415)
    assert.equal((await admin.call('GET', '/v1/explain')).status, 405)
    assert.equal((await admin.call('POST', '/v1/explain?x=1', { gateway: 'edge', path: '/' })).status, 400)
    assert.equal((await admin.call('POST', '/v1/explain', {}, { authorization: '' })).status, 401)
  })
})
