import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { startLoad } from '../support/load/load.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstream: Upstream

/** Windows of a year, so that none ends meanwhile. */
const policy = (overrides: object[]) => ({
  kind: 'RateLimitPolicy',
  name: 'tenants',
  spec: {
    algorithm: 'fixed_window',
    limit: 1_000_000,
    window: '8784h',
    key: [{ header: 'x-tenant' }],
    overrides,
  },
})
const ofAcme = (limit: number) => ({ match: { header: { 'x-tenant': 'acme' } }, limit })

before(async () => {
  upstream = await startUpstream('a')
  edge = await startEdge()
  const listeners = [{ name: 'http', port: edge.port, protocol: 'http' }]
  await edge.apply(
    // Every request is to be decided, however busy the machine is.
    { kind: 'Gateway', name: 'edge', spec: { listeners, rateLimitService: { timeout: '10s' } } },
    cluster('a', upstream),
    policy([ofAcme(500_000)]),
    route('all', '/', { rateLimits: ['tenants'] }),
  )
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
})

/** What has been counted so far, by all who count. */
async function counted() {
  const { weir } = edge
  const decisions = (result: string) =>
    weir.metric('weir_ratelimit_decisions_total', { policy: 'tenants', result })
  const { body } = await weir.api('GET', '/v1/rate-limit-policies/tenants/keys')
  return {
    bytes: await weir.metric('weir_xds_bytes_sent_total'),
    admitted: await decisions('admitted'),
    denied: await decisions('denied'),
    used: (body.items as { used: number }[]).reduce((sum, { used }) => sum + used, 0),
    arrived: upstream.seen.length,
  }
}

/** Asks as the tenant until an answer is by that limit; answers with all statuses on the way. */
async function askUntil(limit: number): Promise<number[]> {
  const statuses: number[] = []
  await until(`a limit of ${limit} is in force`, async () => {
    const { status, headers } = await edge.send({ path: '/probe', headers: { 'x-tenant': 'acme' } })
    statuses.push(status)
    return String(headers['ratelimit-policy']).includes(`;q=${limit};`)
  })
  return statuses
}

test('an override is edited under load: Envoy is sent nothing, and every request is counted', async () => {
  const before = await counted()
  const headers = ['acme', 'other'].map((tenant) => ({ 'x-tenant': tenant }))
  const expected = [200, 429]
  const load = await startLoad({ port: edge.port, path: '/load', ratePerSecond: 200, headers, expected })
  const probes: number[] = []
  for (let edit = 0; edit < 10; edit++) {
    // In turns far less than is used by now, and more than ever will be.
    const limit = edit % 2 === 0 ? 1 : 500_000 + edit
    const { status, body } = await edge.weir.api(
      'PUT',
      '/v1/rate-limit-policies/tenants',
      policy([ofAcme(limit)]),
    )
    assert.equal(status, 200, JSON.stringify(body))
    probes.push(...(await askUntil(limit)))
  }
  const { statuses, failures } = await load.stop()
  const answers = (status: number) =>
    (statuses[status] ?? 0) + probes.filter((each) => each === status).length
  const after = await counted()

  assert.equal(after.bytes - before.bytes, 0)
  assert.ok(answers(200) > 0 && answers(429) > 0)
  assert.deepEqual(failures, [])
  assert.equal(after.arrived - before.arrived, answers(200))
  assert.equal(after.admitted - before.admitted, answers(200))
  assert.equal(after.denied - before.denied, answers(429))
  assert.equal(after.used - before.used, answers(200))
})

test('an override on a header that is not asked for yet is one update of the routes, and drains nothing', async () => {
  const sent = async () => {
    const types = ['listener', 'cluster', 'endpoints', 'route']
    const count = (type: string) => edge.weir.metric('weir_xds_resources_sent_total', { type })
    return Object.fromEntries(await Promise.all(types.map(async (type) => [type, await count(type)])))
  }
  const before = await sent()
  await edge.apply(policy([ofAcme(1), { match: { header: { 'x-trial': 'yes' } }, limit: 3 }]))
  const after = await sent()
  assert.deepEqual(after, { ...before, route: before.route + 1 })
  const { headers } = await edge.send({ path: '/', headers: { 'x-tenant': 'new', 'x-trial': 'yes' } })
  assert.match(String(headers['ratelimit-policy']), /;q=3;/)
  const stats = await edge.envoy.stats('listener_manager.total_listeners_draining')
  assert.equal(stats['listener_manager.total_listeners_draining'], 0)
})
