import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type BreakerAdmin, startBreakerAdmin } from '../support/breaker-admin.ts'
import { until } from '../support/until.ts'

describe('the breakers of clusters', () => {
  let admin: BreakerAdmin
  before(async () => {
    admin = await startBreakerAdmin()
  })
  after(() => admin.close())

  const url = '/v1/clusters/shop/breaker'
  const set = (body: object, headers: Record<string, string> = {}) =>
    admin.call('POST', url, JSON.stringify(body), { 'content-type': 'application/json', ...headers })

  test('GET: closed, with what is counted and when it opens', async () => {
    await admin.requests(3, 'fail')
    await until('they are counted', async () => (await admin.call('GET', url)).body.outcomes?.of === 3)
    const { status, body } = await admin.call('GET', url)
    const { since, generation, ...rest } = body
    assert.equal(status, 200)
    assert.ok(Math.abs(Date.parse(since) - Date.now()) < 60_000)
    assert.match(generation, /^\d{16}$/)
    assert.deepEqual(rest, {
      ...{ cluster: 'shop', policy: 'strict', state: 'closed', cause: 'new', warnings: [] },
      outcomes: { failures: 3, of: 3 },
      opensAt: { failures: 6, of: 10 },
    })
    assert.deepEqual((await admin.call('GET', '/v1/breakers')).body, { items: [body], warnings: [] })
  })

  test('POST: held open by hand, by whom and why; then closed', async () => {
    const author = { 'weir-author': 'ada', 'weir-message': 'it burns' }
    const opened = await set({ state: 'open' }, author)
    assert.equal(opened.status, 200)
    assert.deepEqual(
      [opened.body.state, opened.body.cause, opened.body.held, opened.body.halfOpenAt],
      ['open', 'hand', { author: 'ada', message: 'it burns' }, undefined],
    )
    assert.deepEqual(await admin.ask(), { retryAfter: 30 })
    const { body } = await set({ state: 'open', for: '10m' })
    assert.deepEqual(body.held, { until: body.halfOpenAt, author: 'api', message: '' })
    assert.equal(Date.parse(body.halfOpenAt) - Date.parse(body.since), 600_000)
    assert.deepEqual(await admin.ask(), { retryAfter: 600 })
    const closed = (await set({ state: 'closed' })).body
    assert.deepEqual(
      [closed.state, closed.cause, closed.outcomes, closed.held],
      ['closed', 'hand', { failures: 0, of: 0 }, undefined],
    )
    assert.ok((await admin.ask()).gen)
  })

  test('GET: half-open, with its probes', async () => {
    await set({ state: 'open', for: '1s' })
    await until('a probe goes', async () => (await admin.ask()).gen !== undefined)
    const { body } = await admin.call('GET', url)
    assert.deepEqual([body.state, body.probes], ['half_open', { inFlight: 1, of: 1, successes: 0 }])
    await set({ state: 'closed' })
  })

  test('while the store is away: as it was known, with a warning; nothing is set', async () => {
    admin.away('cannot be reached')
    const { body } = await admin.call('GET', '/v1/breakers')
    assert.deepEqual(body.warnings, ['the store cannot be reached'])
    assert.deepEqual([body.items[0].state, body.items[0].warnings], ['closed', body.warnings])
    const { status, headers, body: problem } = await set({ state: 'open' })
    assert.deepEqual([status, headers.get('retry-after')], [503, '1'])
    assert.equal(
      problem.detail,
      'The breaker of shop cannot be set now: the store of the breakers cannot be reached.',
    )
    admin.away(undefined)
  })

  test('problems: no such cluster, one without a breaker, a body that is none', async () => {
    const post = (name: string) => {
      const headers = { 'content-type': 'application/json' }
      return admin.call('POST', `/v1/clusters/${name}/breaker`, '{"state":"open"}', headers)
    }
    for (const ask of [post, (name: string) => admin.call('GET', `/v1/clusters/${name}/breaker`)]) {
      const missing = await ask('other')
      assert.deepEqual([missing.status, missing.body.detail], [404, 'There is no Cluster/other.'])
      const without = await ask('plain')
      assert.deepEqual(
        [without.status, without.body.errors[0].remedy],
        [404, 'have its outlierDetection name a policy with a `breaker`'],
      )
    }
    for (const [body, status] of [
      [{}, 422],
      [{ state: 'half_open' }, 422],
      [{ state: 'open', for: '1' }, 422],
      [{ state: 'open', for: '10ms' }, 422],
      [{ state: 'open', until: 'noon' }, 422],
      [{ state: 'closed', for: '10m' }, 400],
    ] as const)
      assert.equal((await set(body)).status, status, JSON.stringify(body))
    assert.equal((await admin.call('GET', url)).body.state, 'closed')
  })
})
