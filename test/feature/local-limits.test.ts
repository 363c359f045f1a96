import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ExplainAnswer } from '../../src/admin/routes/explain.ts'
import { lineOf } from '../support/access-log.ts'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { startTestEnvoy } from '../support/envoy.ts'
import type { Received, Sent } from '../support/http.ts'
import { patient, policy } from '../support/rate-limits.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstream: Upstream

before(async () => {
  upstream = await startUpstream('a')
  edge = await startEdge({ ...patient, accessLog: { format: 'json' } })
  await edge.apply(cluster('a', upstream))
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
})

/** Nothing comes back within a test. */
const bucket = (capacity: number, more: object = {}) => ({
  ...{ scope: 'envoy', algorithm: 'token_bucket', capacity, refill: { tokens: 1, every: '8784h' } },
  ...{ key: [{ constant: 'all' }], ...more },
})

async function sendMany(count: number, sent: (index: number) => Sent): Promise<Received[]> {
  const answers: Received[] = []
  for (let index = 0; index < count; index++) answers.push(await edge.send(sent(index)))
  return answers
}

const passed = (answers: readonly Received[]) => answers.filter(({ status }) => status === 200).length

/** How often the rate-limit service was asked about a policy. */
const asked = (name: string) => edge.weir.metric('weir_ratelimit_decisions_total', { policy: name })

describe('a shield before a limit', () => {
  const shielded = (name: string, more: object = {}) =>
    policy(name, { limit: 3, key: [{ header: 'x-tenant' }], shield: '3x', ...more })

  test('lets three times the limit through to the service, and refuses the rest as the limit does', async () => {
    await edge.apply(shielded('per-tenant'), route('shielded', '/shielded', { rateLimits: ['per-tenant'] }))
    const flood = await sendMany(30, () => ({ path: '/shielded', headers: { 'x-tenant': 'flood' } }))
    assert.equal(passed(flood), 3)
    assert.equal(await asked('per-tenant'), 9)
    const [byLimit, byShield] = [flood[8]!, flood[9]!]
    for (const { status, headers } of [byLimit, byShield]) {
      assert.equal(status, 429)
      assert.equal(headers['content-type'], 'application/problem+json')
      assert.ok(Number(headers['retry-after']) >= 1, String(headers['retry-after']))
    }
    const [usual, own] = [byLimit, byShield].map(({ body }) => ({ ...JSON.parse(body), requestId: '' }))
    assert.deepEqual(own, usual)
    const others = await sendMany(3, () => ({ path: '/shielded', headers: { 'x-tenant': 'other' } }))
    assert.equal(passed(others), 3)
  })

  test('is named in the access log', async () => {
    const answer = await edge.send({ path: '/shielded', headers: { 'x-tenant': 'flood' } })
    const line = await lineOf(edge.envoy, answer.headers['x-request-id'] as string)
    const { status, flags, details, deniedBy, deniedLimit } = line
    assert.deepEqual(
      [status, flags, details, deniedBy, deniedLimit],
      [429, 'RL', 'local_rate_limited', 'per-tenant (shield)', null],
    )
  })

  test('is counted by Envoy', async () => {
    const name = 'weir_local_limits_after_auth.http_local_rate_limit.enforced'
    const stats = await edge.envoy.stats('http_local_rate_limit')
    const counted = Object.entries(stats).filter(([stat]) => stat.endsWith(name))
    assert.deepEqual(
      counted.map(([, value]) => value),
      [22],
    )
  })

  test('a gRPC client gets RESOURCE_EXHAUSTED', async () => {
    const headers = { 'x-tenant': 'flood', 'content-type': 'application/grpc', te: 'trailers' }
    const answer = await edge.send({ path: '/shielded', method: 'POST', headers })
    assert.deepEqual([answer.status, answer.headers['grpc-status']], [200, '8'])
  })

  test('requests without the part that is counted by have one bucket, as they have one counter', async () => {
    const flood = await sendMany(30, () => ({ path: '/shielded' }))
    assert.equal(passed(flood), 3)
    assert.equal(await asked('per-tenant'), 9 + 3 + 9)
  })

  test('a second line of the header changes nothing, nor does a route more', async () => {
    const before = await asked('per-tenant')
    await edge.apply(route('again', '/again', { rateLimits: ['per-tenant'] }))
    const lines = (index: number) => ['x-tenant', 'flood', 'x-tenant', `other-${index}`]
    const host = ['host', 'a.example']
    const flood = await sendMany(5, (index) => ({ path: '/again', headers: [...host, ...lines(index)] }))
    assert.equal(passed(flood), 0)
    assert.equal(await asked('per-tenant'), before)
  })

  test('all of a key counts: several parts, one that is missing, the route', async () => {
    const key = [{ header: 'x-a' }, { query: 'q' }, { method: true }, { path: true }, { route: true }]
    await edge.apply(
      shielded('of-all', { limit: 1, key, shield: '2x' }),
      route('one', '/one', { rateLimits: ['of-all'] }),
      route('two', '/two', { rateLimits: ['of-all'] }),
    )
    const kinds: Sent[] = [
      { path: '/one' },
      { path: '/two' },
      { path: '/one?q=' },
      { path: '/one?q=1' },
      { path: '/one?q=2&q=1' },
      { path: '/one/x' },
      { path: '/one', method: 'POST' },
      { path: '/one', headers: { 'x-a': '' } },
      { path: '/one', headers: { 'x-a': '1' } },
      { path: '/one?q=1', headers: { 'x-a': '1' } },
    ]
    for (const [index, kind] of kinds.entries()) {
      assert.equal(passed(await sendMany(5, () => kind)), 1, JSON.stringify(kind))
      assert.equal(await asked('of-all'), 2 * (index + 1), JSON.stringify(kind))
    }
    assert.equal(passed(await sendMany(3, () => ({ path: '/one?x=3' }))), 0)
    assert.equal(await asked('of-all'), 2 * kinds.length)
  })

  test('requests that are not limited do not meet it, and none in shadow', async () => {
    await edge.apply(
      shielded('skipping', { limit: 1, onMissing: 'skip' }),
      shielded('in-shadow', { limit: 1, mode: 'shadow' }),
      shielded('in-part', { limit: 1, percent: 0 }),
      ...['skipping', 'in-shadow', 'in-part'].map((name) => route(name, `/${name}`, { rateLimits: [name] })),
    )
    assert.equal(passed(await sendMany(10, () => ({ path: '/skipping' }))), 10)
    const named = { 'x-tenant': 'a' }
    assert.equal(passed(await sendMany(10, () => ({ path: '/in-shadow', headers: named }))), 10)
    assert.equal(passed(await sendMany(10, () => ({ path: '/in-part', headers: named }))), 10)
  })
})

describe('a limit that each Envoy counts by itself', () => {
  test('asks nobody, and refuses as other limits do', async () => {
    await edge.apply(
      policy('by-address', bucket(4, { key: [{ client_ip: true }], stage: 'before_auth' })),
      route('local', '/local', { rateLimits: ['by-address'] }),
    )
    const answers = await sendMany(7, () => ({ path: '/local', from: '127.0.0.9' }))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200, 429, 429, 429],
    )
    const { headers } = answers[6]!
    assert.equal(headers['content-type'], 'application/problem+json')
    assert.ok(Number(headers['retry-after']) >= 1)
    const line = await lineOf(edge.envoy, headers['x-request-id'] as string)
    assert.deepEqual([line.deniedBy, line.details], ['by-address', 'local_rate_limited'])
    assert.equal((await edge.send({ path: '/local', from: '127.0.0.10' })).status, 200)
    assert.equal(await asked('by-address'), 0)
  })

  test('an edit of routes leaves its buckets as they are', async () => {
    await edge.apply(route('elsewhere', '/elsewhere'))
    assert.equal((await edge.send({ path: '/local', from: '127.0.0.9' })).status, 429)
  })

  test('holds who is another client with every request, in front of a limit by a header', async () => {
    await edge.apply(
      policy('per-name', { limit: 100, key: [{ header: 'x-name' }] }),
      policy('per-address', bucket(5, { key: [{ client_ip: true }] })),
      route('named', '/named', { rateLimits: ['per-name', 'per-address'] }),
    )
    const made = (index: number) => ({
      path: '/named',
      from: '127.0.0.11',
      headers: { 'x-name': `${index}` },
    })
    assert.equal(passed(await sendMany(20, made)), 5)
    assert.equal(await asked('per-name'), 5)
  })

  test('counts what a request costs, and in shadow refuses nothing', async () => {
    await edge.apply(
      policy('costly', bucket(10, { cost: 3 })),
      policy('watched', bucket(1, { mode: 'shadow' })),
      route('costly', '/costly', { rateLimits: ['costly'] }),
      route('watched', '/watched', { rateLimits: ['watched'] }),
    )
    assert.equal(passed(await sendMany(5, () => ({ path: '/costly' }))), 3)
    assert.equal(passed(await sendMany(5, () => ({ path: '/watched' }))), 5)
  })

  test('two Envoys admit twice as much', async () => {
    const second = await startTestEnvoy({ gateway: 'edge', xdsPort: edge.weir.xdsPort, id: 'edge-2' })
    try {
      await edge.apply(policy('everyone', bucket(4)), route('both', '/both', { rateLimits: ['everyone'] }))
      // They share the port, and the kernel gives each connection to one of them.
      const connections = 'http.edge_http.downstream_cx_total'
      await until('the second one serves', async () => {
        await edge.send('/elsewhere')
        return ((await second.stats(connections))[connections] ?? 0) > 0
      })
      assert.equal(passed(await sendMany(80, () => ({ path: '/both' }))), 8)
    } finally {
      await second.stop()
    }
  })

  test('explain says what it cannot know, and there are no counters to look at', async () => {
    const question = { gateway: 'edge', path: '/named', clientIp: '127.0.0.11', headers: { 'x-name': 'new' } }
    const answer = await fetch(`${edge.weir.url}/v1/explain`, {
      method: 'POST',
      headers: { authorization: `Bearer ${edge.weir.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(question),
    })
    const { status, reason, limits, localLimits } = ((await answer.json()) as ExplainAnswer).decision
    assert.equal(status, 200)
    assert.match(reason, /if its Envoy has tokens left for per-address/)
    assert.deepEqual(
      limits.map((each) => each.policy),
      ['per-name'],
    )
    assert.deepEqual(localLimits, [
      {
        ...{ policy: 'per-address', role: 'limit', enforced: true },
        ...{ capacity: 5, refill: { tokens: 1, every: '8784h' } },
      },
    ])
    const keys = await edge.weir.api('GET', '/v1/rate-limit-policies/per-address/keys')
    assert.equal(keys.status, 404)
    assert.match(keys.body.detail, /counted by each Envoy by itself/)
  })
})
