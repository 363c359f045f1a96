import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Ask, explain } from '../../src/explain/explain.ts'
import type { Question } from '../../src/explain/question.ts'
import type { State } from '../../src/model/state.ts'
import type { Verdict } from '../../src/ratelimit/decision/verdict.ts'
import { stateOf } from '../support/state-of.ts'

const policy = (name: string, key: object[], more: object = {}) => ({
  kind: 'RateLimitPolicy',
  name,
  spec: { algorithm: 'fixed_window', limit: 3, window: '1m', key, ...more },
})
const route = (name: string, path: string, more: object = {}) => {
  const answers = 'respond' in more || 'redirect' in more
  const to = answers ? {} : { forward: [{ cluster: 'a' }] }
  return {
    kind: 'Route',
    name,
    spec: { gateways: ['edge'], match: { path: { prefix: path } }, ...to, ...more },
  }
}

const listeners = [
  { name: 'secure', port: 10_443, protocol: 'https', tls: { certificates: ['shop'] } },
  { name: 'http', port: 10_000, protocol: 'http' },
  { name: 'inner', port: 10_001, protocol: 'http' },
]

function stateWith(...documents: object[]): State {
  const state = stateOf([
    { kind: 'Gateway', name: 'edge', spec: { listeners: listeners.slice(1) } },
    { kind: 'Cluster', name: 'a', spec: { endpoints: [] } },
    ...documents,
  ])
  assert.ok(state !== undefined, 'the documents are refused')
  return state
}

const verdict = (name: string, more: Partial<Verdict> = {}): Verdict => ({
  policy: name,
  result: 'admitted',
  enforced: true,
  reason: '',
  ...more,
})

/** Lets all pass but the policies that are given, and remembers what was asked. */
function limiter(verdicts: Readonly<Record<string, Partial<Verdict>>> = {}) {
  const asked: string[][] = []
  const ask: Ask = ({ descriptors = [] }) => {
    const names = descriptors.map(({ entries = [] }) => String(entries[0]!.value))
    asked.push(names)
    const said = names.map((name) => verdict(name, verdicts[name]))
    const admitted = !said.some(({ result, enforced }) => result === 'denied' && enforced)
    return { admitted, ...(!admitted && { status: 503 }), verdicts: said }
  }
  return { asked, ask }
}

async function explained(state: State, question: Partial<Question>, ask: Ask = limiter().ask) {
  const result = await explain(state, { gateway: 'edge', path: '/', ...question }, ask)
  assert.ok(result.explained !== undefined, JSON.stringify(result))
  return result.explained
}

async function problems(state: State, question: Partial<Question>) {
  const result = await explain(state, { gateway: 'edge', path: '/', ...question }, limiter().ask)
  assert.ok(result.explained === undefined)
  return result.problems
}

describe('what Envoy would send for a request', () => {
  test('the policy, then what it looks at: headers, path, method, cookies, the client, the route', async () => {
    const key = [
      ...[{ header: 'x-a' }, { query: 'q' }, { cookie: 's' }, { method: true }],
      ...[{ client_ip: true }, { route: true }, { constant: 'c' }],
    ]
    const state = stateWith(policy('all', key), route('r', '/', { rateLimits: ['all'] }))
    const { sent } = await explained(state, {
      path: '/x/../a?q=1',
      method: 'PUT',
      headers: { 'X-A': [' 1 ', '2'], Cookie: ['s=1; t=2', 'u=3'] },
      clientIp: '2001:DB8:0::1',
    })
    const entries = [
      { key: 'policy', value: 'all' },
      { key: 'header:x-a', value: '1' },
      { key: ':path', value: '/a?q=1' },
      { key: 'cookie', value: 's=1; t=2,u=3' },
      { key: ':method', value: 'PUT' },
      { key: 'remote_address', value: '2001:db8::1' },
      { key: 'route', value: 'r' },
    ]
    assert.deepEqual(sent, [{ domain: 'edge', descriptors: [{ entries }] }])
  })

  test('nothing of who calls, since no token and no certificate is looked at', async () => {
    const state = stateWith(
      { kind: 'AuthPolicy', name: 'staff', spec: { allow: { ips: ['10.0.0.0/8'] } } },
      policy('who', [{ jwt_claim: 'sub' }, { client_certificate: true }]),
      route('r', '/', { auth: ['staff'], rateLimits: ['who'] }),
    )
    const { sent, reason } = await explained(state, { headers: { authorization: 'Bearer a.b.c' } })
    assert.deepEqual(sent[0]!.descriptors, [{ entries: [{ key: 'policy', value: 'who' }] }])
    assert.equal(reason, 'the gateway lets it pass, if staff allows the caller')
  })

  test('what a request lacks is left out; an empty value is none', async () => {
    const state = stateWith(
      policy('pair', [{ header: 'x-a' }, { header: 'x-b' }]),
      route('r', '/', { rateLimits: ['pair'] }),
    )
    const { sent } = await explained(state, { headers: { 'x-b': '' } })
    assert.deepEqual(sent[0]!.descriptors, [
      {
        entries: [
          { key: 'policy', value: 'pair' },
          { key: 'header:x-b', value: '' },
        ],
      },
    ])
  })

  test('one request a stage, before_auth first; after its refusal the second is not sent', async () => {
    const state = stateWith(
      policy('late', [{ client_ip: true }]),
      policy('early', [{ client_ip: true }], { stage: 'before_auth' }),
      route('r', '/', { rateLimits: ['late', 'early'] }),
    )
    const passing = limiter()
    const passed = await explained(state, {}, passing.ask)
    assert.deepEqual(passing.asked, [['early'], ['late']])
    assert.equal(passed.sent.length, 2)
    assert.equal(passed.status, 200)
    const refusing = limiter({ early: { result: 'denied' } })
    const refused = await explained(state, {}, refusing.ask)
    assert.deepEqual(refusing.asked, [['early']])
    assert.equal(refused.sent.length, 1)
    assert.deepEqual([refused.status, refused.reason], [503, 'early refuses it'])
    assert.deepEqual(
      refused.verdicts.map(({ policy }) => policy),
      ['early'],
    )
  })

  test('what waits in a queue passes later', async () => {
    const state = stateWith(policy('p', [{ client_ip: true }]), route('r', '/', { rateLimits: ['p'] }))
    const { status, reason } = await explained(state, {}, limiter({ p: { delay: 1_500 } }).ask)
    assert.deepEqual([status, reason], [200, 'the gateway lets it pass after 2 ms in the queue of p'])
  })
})

describe('the status that explain names', () => {
  test('404 without a route, 307 and 400 before one is looked for', async () => {
    const state = stateWith(route('r', '/a'))
    const of = async (question: Partial<Question>) => {
      const { status, route } = await explained(state, question)
      return [status, route]
    }
    assert.deepEqual(await of({ path: '/b' }), [404, undefined])
    assert.deepEqual(await of({ path: '/a%2fb' }), [307, undefined])
    assert.deepEqual(await of({ path: '/a%00' }), [400, undefined])
    assert.deepEqual(await of({ path: '/a', headers: { a_b: '' } }), [400, undefined])
    assert.deepEqual(await of({ path: '/a' }), [200, 'r'])
  })

  test('414 where the gateway bounds URLs', async () => {
    const of = async (bound: object, path: string) => {
      const state = stateOf([
        { kind: 'Gateway', name: 'edge', spec: { listeners: listeners.slice(1), ...bound } },
        { kind: 'Cluster', name: 'a', spec: { endpoints: [] } },
        route('r', '/a'),
      ])
      return (await explained(state!, { path })).status
    }
    const longest = `/a?${'q'.repeat(61)}`
    assert.equal(await of({ maxUrlBytes: '64B' }, longest), 200)
    assert.equal(await of({ maxUrlBytes: '64B' }, `${longest}q`), 414)
    assert.equal(await of({}, `${longest}q`), 200)
  })

  test('of routes that answer themselves, without asking a limit', async () => {
    const state = stateWith(
      { kind: 'AuthPolicy', name: 'keys', spec: { apiKey: { in: [{ header: 'x-api-key' }] } } },
      policy('p', [{ client_ip: true }]),
      route('closed', '/closed', { auth: ['keys'], rateLimits: ['p'] }),
      route('respond', '/respond', { respond: { status: 418 } }),
      route('redirect', '/redirect', { redirect: { path: '/', status: 308 } }),
      route('cors', '/cors', { cors: { allowOrigins: ['https://a.example'] }, rateLimits: ['p'] }),
    )
    const { asked, ask } = limiter()
    const statuses = []
    for (const path of ['/closed', '/respond', '/redirect']) {
      const { status, route, sent } = await explained(state, { path }, ask)
      assert.deepEqual([route, sent], [path.slice(1), []])
      statuses.push(status)
    }
    assert.deepEqual(statuses, [503, 418, 308])
    const headers = { origin: 'https://b.example', 'access-control-request-method': 'GET' }
    const preflight = await explained(state, { path: '/cors', method: 'OPTIONS', headers }, ask)
    assert.deepEqual([preflight.status, preflight.route, preflight.sent], [200, 'cors', []])
    assert.deepEqual(asked, [])
    const plain = await explained(state, { path: '/cors', method: 'OPTIONS' }, ask)
    assert.equal(plain.sent.length, 1)
  })
})

describe('a question about a request', () => {
  const one = stateWith(route('r', '/', { gateways: ['edge/inner'] }))

  test('is about the first listener that is open, if it names none', async () => {
    const { listener, status } = await explained(one, {})
    assert.deepEqual([listener, status], ['http', 404])
    assert.equal((await explained(one, { listener: 'inner' })).status, 200)
  })

  test('has its defaults, and the headers that Envoy sets itself', async () => {
    const headers = { 'X-Forwarded-For': '9.9.9.9', 'x-envoy-max-retries': '3', Host: 'A.example.:80' }
    const { request } = await explained(one, { headers })
    assert.equal(request!.method, 'GET')
    assert.equal(request!.host, 'A.example:80')
    assert.equal(request!.clientIp, '127.0.0.1')
    assert.deepEqual(request!.headers.get('x-forwarded-for'), ['9.9.9.9,127.0.0.1'])
    assert.deepEqual(request!.headers.get('x-forwarded-proto'), ['http'])
    assert.equal(request!.headers.has('x-envoy-max-retries'), false)
    assert.equal((await explained(one, {})).request!.host, 'localhost')
  })

  test('names a gateway and a listener that are there, or is told which are', async () => {
    const [gateway] = await problems(one, { gateway: 'egde' })
    assert.equal(gateway!.pointer, '/gateway')
    assert.match(gateway!.remedy, /did you mean "edge"/)
    const [listener] = await problems(one, { listener: 'iner' })
    assert.equal(listener!.pointer, '/listener')
    assert.match(listener!.remedy, /did you mean "inner"\? \(one of: http, inner\)/)
  })

  test('says each header and the host once', async () => {
    const found = await problems(one, { host: 'a', headers: { 'X-A': '1', 'x-a': '2', Host: 'b' } })
    assert.deepEqual(
      found.map(({ pointer }) => pointer),
      ['/headers/x-a', '/headers/Host'],
    )
    const [wrong] = await problems(one, { headers: { host: 'a b' } })
    assert.equal(wrong!.pointer, '/headers/host')
  })
})

describe('strict breakers', () => {
  const strict = { kind: 'OutlierDetectionPolicy', name: 'strict' }
  const breaker = { errorRate: 50, window: 10, open: '30s' }
  const shop = { kind: 'Cluster', name: 'shop', spec: { endpoints: [], outlierDetection: 'strict' } }
  const state = (spec: object = { breaker }, ...documents: object[]) =>
    stateWith({ ...strict, spec }, shop, ...documents)
  const named = [{ cluster: 'shop', policy: 'strict' }]
  const ask = (timeout: string, more = {}) => {
    const entries = { breaker: 'ask', destination_cluster: 'shop', timeout, ...more }
    return {
      domain: 'weir/breaker',
      descriptors: [{ entries: Object.entries(entries).map(([key, value]) => ({ key, value })) }],
    }
  }

  test('are asked last, and named', async () => {
    const documents = [policy('p', [{ method: true }]), route('r', '/', { forward: [{ cluster: 'shop' }] })]
    const limited = route('l', '/l', { forward: [{ cluster: 'shop' }], rateLimits: ['p'], timeout: '3s' })
    const { sent, breakers, status, reason } = await explained(state(undefined, ...documents, limited), {
      path: '/l',
    })
    assert.deepEqual(breakers, named)
    assert.equal(status, 200)
    assert.equal(reason, 'the gateway lets it pass, unless the circuit breaker of shop refuses it')
    assert.deepEqual(
      sent.map(({ domain }) => domain),
      ['edge', 'weir/breaker'],
    )
    assert.deepEqual(sent[1], ask('3000'))
  })

  test('are not asked of a request that a limit refuses, nor where it is not known which part is drawn', async () => {
    const limited = route('l', '/l', { forward: [{ cluster: 'shop' }], rateLimits: ['p'] })
    const split = route('s', '/s', { forward: [{ cluster: 'shop' }, { cluster: 'a' }] })
    const all = state(undefined, policy('p', [{ method: true }]), limited, split)
    const refusing = limiter({ p: { result: 'denied' } })
    const refused = await explained(all, { path: '/l' }, refusing.ask)
    assert.deepEqual([refused.sent.map(({ domain }) => domain), refused.breakers], [['edge'], named])
    const drawn = await explained(all, { path: '/s' })
    assert.deepEqual([drawn.sent, drawn.breakers], [[], named])
  })

  test('with a fallback the route that a request meets first is the route', async () => {
    const fallback = { breaker: { ...breaker, fallback: { respond: { status: 203 } } } }
    const all = state(fallback, route('r', '/', { forward: [{ cluster: 'shop' }] }))
    const { status, sent, route: met } = await explained(all, {})
    assert.deepEqual([status, met, sent], [200, 'r', [ask('15000', { fallback: 'yes' })]])
  })
})
