import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sample } from '../support/admin.ts'
import { type LimitedAdmin, startLimitedAdmin } from '../support/limited-admin.ts'

const url = '/v1/rate-limit-policies/per-tenant/keys'
const policy = `
---
kind: RateLimitPolicy
name: per-tenant
spec: { algorithm: fixed_window, limit: 5, window: 1m, key: [{ header: x-tenant }] }
---
kind: Route
name: tenants
spec: { gateways: [edge], match: { path: { prefix: /t } }, forward: [{ cluster: echo }], rateLimits: [per-tenant] }
`

describe('the counters of a policy', () => {
  let admin: LimitedAdmin
  const ids: Record<string, string> = {}

  /** Has a tenant's requests counted, as many of them as pass. */
  async function request(tenant: string, count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      const { body } = await admin.call('POST', '/v1/explain', {
        ...{ gateway: 'edge', path: '/t', headers: { 'x-tenant': tenant } },
      })
      ids[tenant] = body.decision.limits[0].key.id
      admin.count(body.rateLimitRequests)
    }
  }

  before(async () => {
    admin = await startLimitedAdmin()
    await admin.apply(sample + policy)
    await request('free', 1)
    await request('close', 4)
    await request('throttled', 7)
  })
  after(() => admin.close())

  test('GET .../keys: who is throttled first, who is close, with what is left', async () => {
    const { status, body } = await admin.call('GET', `${url}?top=2`)
    assert.equal(status, 200)
    const [first, second] = body.items
    assert.equal(body.items.length, 2)
    assert.deepEqual(first, {
      ...{ id: ids.throttled, parts: [{ part: 'header:x-tenant', value: 'throttled' }], state: 'throttled' },
      ...{ used: 5, limit: 5, remaining: 0, reset: first.reset },
      numbers: { algorithm: 'fixed_window', limit: 5, window: '1m' },
      recent: { admitted: 5, denied: 2, error: 0 },
    })
    assert.ok(Number.isInteger(first.reset) && first.reset > 0 && first.reset <= 60)
    assert.deepEqual([second.state, second.used, second.recent.denied], ['close', 4, 0])
    const all = await admin.call('GET', url)
    assert.deepEqual(
      all.body.items.map(({ state }: { state: string }) => state),
      ['throttled', 'close', 'free'],
    )
  })

  test('GET, POST, DELETE .../keys/{id}: read, given back to, forgotten', async () => {
    const one = `${url}/${ids.throttled}`
    const read = await admin.call('GET', one)
    assert.deepEqual([read.status, read.body.used, read.body.state], [200, 5, 'throttled'])
    const granted = await admin.call('POST', one, { amount: 2 })
    assert.deepEqual([granted.status, granted.body.used, granted.body.remaining], [200, 3, 2])
    const more = await admin.call('POST', one, { amount: 1_000_000_000 })
    assert.deepEqual([more.body.used, more.body.remaining], [0, 5])
    await request('throttled', 1)
    assert.equal((await admin.call('GET', one)).body.used, 1)
    const reset = await admin.call('DELETE', one)
    assert.deepEqual([reset.status, reset.body.used, reset.body.remaining], [200, 0, 5])
    const again = await admin.call('DELETE', one)
    assert.equal(again.status, 404)
    assert.match(again.body.detail, /is idle/)
  })

  test('a counter that is idle has everything left, also when it is given back to', async () => {
    const idle = `${url}/${'A'.repeat(22)}`
    for (const answer of [await admin.call('GET', idle), await admin.call('POST', idle, { amount: 1 })]) {
      assert.equal(answer.status, 200)
      assert.deepEqual(answer.body, {
        ...{ id: 'A'.repeat(22), state: 'free', used: 0, limit: 5, remaining: 5, reset: 0 },
        numbers: { algorithm: 'fixed_window', limit: 5, window: '1m' },
      })
    }
  })

  test('404: no such policy; 400: an id that is none, a bound that is passed', async () => {
    const unknown = '/v1/rate-limit-policies/nobody/keys'
    const problem = await admin.call('GET', unknown)
    assert.equal(problem.status, 404)
    assert.match(problem.body.errors[0].remedy, /GET \/v1\/rate-limit-policies lists/)
    for (const [method, body] of [['GET'], ['DELETE'], ['POST', { amount: 1 }]] as const) {
      assert.equal((await admin.call(method, `${unknown}/${'A'.repeat(22)}`, body)).status, 404, method)
      const none = await admin.call(method, `${url}/${'B'.repeat(22)}`, body)
      assert.equal(none.status, 400, method)
      assert.match(none.body.errors[0].remedy, /explain say/)
    }
    for (const top of ['0', '101', 'x', '', '-1', '1.5']) {
      const { status, body } = await admin.call('GET', `${url}?top=${top}`)
      assert.equal(status, 400, top)
      assert.equal(body.errors[0].message, '"top" must be a whole number from 1 to 100', top)
    }
    assert.equal((await admin.call('PUT', url, {})).status, 405)
  })

  test('415: no body; the remedy names the one type that is understood', async () => {
    const { status, body } = await admin.call('POST', `${url}/${'A'.repeat(22)}`)
    assert.equal(status, 415)
    assert.equal(body.errors[0].remedy, 'send "Content-Type: application/json"')
  })

  test('422: an amount that is none', async () => {
    for (const body of [{}, { amount: 0 }, { amount: 1.5 }, { amount: '1' }, { amount: 1, more: 1 }]) {
      const { status } = await admin.call('POST', `${url}/${'A'.repeat(22)}`, body)
      assert.equal(status, 422, JSON.stringify(body))
    }
  })

  test('503: one that is written and not in force here yet, by every method', async () => {
    const documents = policy.replaceAll('per-tenant', 'later').replaceAll('tenants', 'later')
    assert.equal((await admin.call('POST', '/v1/apply', documents)).status, 200)
    const list = url.replace('per-tenant', 'later')
    const one = `${list}/${ids.free}`
    for (const [method, path, body] of [
      ['GET', list],
      ['GET', one],
      ['DELETE', one],
      ['POST', one, { amount: 1 }],
    ] as const) {
      const answer = await admin.call(method, path, body)
      assert.equal(answer.status, 503, method)
      assert.match(answer.text, /RateLimitPolicy\/later is written, and not in force here yet/)
      assert.equal(answer.headers.get('retry-after'), '1')
    }
  })
})
