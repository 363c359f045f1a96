import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, gateway, route, startEdge } from '../support/edge.ts'
import { startTestEnvoy } from '../support/envoy.ts'
import { send } from '../support/http.ts'
import { startLoad } from '../support/load/load.ts'
import { policy as limit, patient } from '../support/rate-limits.ts'
import { issuer } from '../support/tokens.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstream: Upstream
let keys: Upstream

const id = issuer('https://id.example')

const jwt = (more: object = {}) => ({
  issuer: 'https://id.example',
  jwks: { inline: id.jwks },
  ...more,
})
const policy = (name: string, spec: object) => ({ kind: 'AuthPolicy', name, spec })
const headers = { authorization: `Bearer ${id.token()}` }

before(async () => {
  upstream = await startUpstream('a')
  keys = await startUpstream('keys', (response) => response.end(id.jwks))
  edge = await startEdge(patient)
  await edge.apply(
    cluster('a', upstream),
    cluster('keys', keys),
    policy('staff', { jwt: jwt() }),
    policy('by-keys', { jwt: jwt({ jwks: { cluster: 'keys', path: '/keys' } }) }),
    route('staff', '/staff', { auth: ['staff'] }),
    // So that both policies are in use, whatever the route above names.
    route('also-staff', '/also-staff', { auth: ['staff'] }),
    route('by-keys', '/by-keys', { auth: ['by-keys'] }),
    route('open', '/'),
  )
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
  await keys?.close()
})

const listeners = async () => {
  const { 'listener_manager.listener_create_success': created, ...rest } =
    await edge.envoy.stats('listener_manager')
  return [
    created,
    rest['listener_manager.listener_modified'],
    rest['listener_manager.total_listeners_draining'],
  ]
}

describe('editing policies', () => {
  test('drains no listener and fails no request', async () => {
    const before = await listeners()
    const load = await startLoad({ port: edge.port, path: '/staff', ratePerSecond: 200, headers })
    const edits = [
      { jwt: jwt({ claims: { role: ['admin'] } }) },
      {
        jwt: jwt({ claims: { role: ['reader'] }, audiences: ['shop', 'desk'] }),
        allow: { ips: ['127.0.0.0/8'] },
      },
      { jwt: jwt({ headers: { 'x-user': 'sub' } }), deny: { methods: ['DELETE'] } },
      { jwt: jwt({ jwks: { cluster: 'keys', path: '/keys' } }) },
      { jwt: jwt(), mode: 'shadow' },
      { jwt: jwt() },
    ]
    for (const spec of [...edits, ...edits, ...edits]) await edge.apply(policy('staff', spec))
    // To another policy, back, and to both.
    for (const auth of [['by-keys'], ['staff'], ['staff', 'by-keys']])
      await edge.apply(route('staff', '/staff', { auth }))
    const { ok, failures } = await load.stop()
    assert.deepEqual(failures, [])
    assert.ok(ok >= 20, `${ok} requests`)
    assert.deepEqual(await listeners(), before)
  })

  test('is in force when it is acknowledged', async () => {
    for (const [role, status] of [
      ['nobody', 403],
      ['reader', 200],
    ] as const) {
      await edge.apply(
        policy('staff', { jwt: jwt({ claims: { role: [role] } }) }),
        route('staff', '/staff', { auth: ['staff'] }),
      )
      assert.equal((await edge.send({ path: '/staff', headers })).status, status)
    }
    await edge.apply(policy('staff', { jwt: jwt() }))
  })
})

test('an Envoy that starts refuses no good token and lets no bad one pass', async () => {
  // Both listen on the one port, and each connection is one of the two’s.
  const second = await startTestEnvoy({ gateway: 'edge', xdsPort: edge.weir.xdsPort, id: 'edge-2' })
  try {
    const served = async () => {
      const stats = await second.stats('downstream_rq_completed')
      return Object.entries(stats).some(([name, count]) => name.includes('edge_http') && count >= 40)
    }
    await until('the second Envoy serves', async () => {
      assert.equal((await edge.send({ path: '/staff', headers })).status, 200)
      assert.equal((await edge.send('/staff')).status, 401)
      return served()
    })
  } finally {
    await second.stop()
  }
})

describe('while nobody serves the keys', () => {
  test('those that are known hold, and without any there is a 401', async () => {
    const ask = (path: string) => edge.send({ path, headers })
    await edge.apply(
      policy('known', { jwt: jwt({ jwks: { cluster: 'keys', path: '/known' } }) }),
      route('known', '/known', { auth: ['known'] }),
    )
    assert.equal((await ask('/known')).status, 200)
    const { port } = keys
    await keys.close()
    assert.equal((await ask('/known')).status, 200)
    // Envoy asks anew for all keys when any issuer changes.
    await edge.apply(
      policy('late', { jwt: jwt({ jwks: { cluster: 'keys', path: '/late' } }) }),
      route('late', '/late', { auth: ['late'] }),
    )
    const seen = upstream.seen.length
    assert.equal((await ask('/late')).status, 401)
    assert.equal(upstream.seen.length, seen)
    assert.equal((await ask('/staff')).status, 200, 'inline keys need nobody')
    keys = await startUpstream('keys', (response) => response.end(id.jwks))
    assert.notEqual(keys.port, port)
    await edge.apply(cluster('keys', keys))
    await until('the keys are there again', async () => (await ask('/late')).status === 200)
  })
})

describe('limits by a claim', () => {
  before(() =>
    edge.apply(
      limit('per-user', {
        limit: 2,
        key: [{ jwt_claim: 'sub' }],
        overrides: [{ match: { jwt_claim: { role: 'lead' } }, limit: 4 }],
      }),
      route('limited', '/limited', { auth: ['staff'], rateLimits: ['per-user'] }),
      limit('per-team', { limit: 2, key: [{ jwt_claim: 'team' }] }),
      route('teams', '/teams', { auth: ['staff'], rateLimits: ['per-team'] }),
      route('unasked', '/unasked', { rateLimits: ['per-team'] }),
    ),
  )

  const passed = async (token: string, path = '/limited') => {
    for (let count = 0; count < 9; count++) {
      const { status } = await edge.send({ path, headers: { authorization: `Bearer ${token}` } })
      if (status !== 200) return [count, status]
    }
    return [9, 200]
  }

  test('each user has counters of its own, and other numbers by another claim', async () => {
    assert.deepEqual(await passed(id.token({ sub: 'ada' })), [2, 429])
    assert.deepEqual(await passed(id.token({ sub: 'bob' })), [2, 429])
    assert.deepEqual(await passed(id.token({ sub: 'eve', role: 'lead' })), [4, 429])
  })

  test('a claim that is no text counts as missing, by one counter for all', async () => {
    assert.deepEqual(await passed(id.token({ team: 'orders' }), '/teams'), [2, 429])
    assert.deepEqual(await passed(id.token({ team: 3 }), '/teams'), [2, 429])
    for (const team of [true, ['orders'], { a: 'orders' }, '', undefined])
      assert.deepEqual(await passed(id.token({ team }), '/teams'), [0, 429])
  })

  test('a token that no policy of the route verified is nobody’s', async () => {
    assert.deepEqual(await passed(id.token({ team: 'new' }), '/unasked'), [0, 429])
  })

  test('a refused token counts nothing', async () => {
    assert.deepEqual(await passed(issuer('https://id.example').token({ sub: 'zoe' })), [0, 401])
    assert.deepEqual(await passed(id.token({ sub: 'zoe' })), [2, 429])
  })
})

test('with trusted hops the client is whom they name', async () => {
  const { port } = edge
  const from = (address: string) => send(port, { path: '/inside', headers: { 'x-forwarded-for': address } })
  const inside = [
    policy('inside', { allow: { ips: ['10.0.0.0/8'] } }),
    route('inside', '/inside', { auth: ['inside'] }),
  ]
  await edge.apply(...inside)
  assert.equal((await from('10.1.1.1')).status, 403)
  const listener = { name: 'http', port, protocol: 'http', trustedHops: 1 }
  await edge.apply({ ...gateway(port, patient), spec: { ...patient, listeners: [listener] } })
  await until('the listener trusts the hop', async () => (await from('10.1.1.1')).status === 200)
  assert.equal((await from('192.0.2.1')).status, 403)
  // What a client wrote before the hop added whom it saw.
  assert.equal((await from('10.1.1.1, 192.0.2.1')).status, 403)
  assert.equal((await from('192.0.2.1, 10.1.1.1')).status, 200)
})
