import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compile } from '../../src/compile/compile.ts'
import { encodeResources } from '../../src/envoy-api/encoded.ts'
import { warningsOf } from '../../src/model/warnings.ts'
import { kinds } from '../../src/policies/index.ts'
import { localReplies } from '../../src/policies/rate-limit/local-replies.ts'
import { inClear } from '../../src/secrets/in-clear.ts'
import { testLive } from '../support/live.ts'
import { stateOf } from '../support/state-of.ts'

const live = testLive()
/** A field of `undefined` is left out. */
const policy = (more: object) => {
  const usual = { algorithm: 'fixed_window', limit: 5, window: '1m', key: [{ header: 'x-key' }] }
  const spec = JSON.parse(JSON.stringify({ ...usual, ...more }))
  return { kind: 'RateLimitPolicy', name: 'limit', spec }
}

/** The versions of all resources of a gateway whose one route has the policy. */
function versions(spec: object): Record<string, string> {
  const state = stateOf([
    {
      kind: 'Gateway',
      name: 'edge',
      spec: { listeners: [{ name: 'http', port: 10_000, protocol: 'http' }] },
    },
    { kind: 'Cluster', name: 'a', spec: { endpoints: [{ address: '127.0.0.1', port: 9_000 }] } },
    {
      kind: 'Route',
      name: 'all',
      spec: {
        gateways: ['edge'],
        match: { path: { prefix: '/' } },
        forward: [{ cluster: 'a' }],
        rateLimits: ['limit'],
      },
    },
    policy(spec),
  ])
  assert.ok(state !== undefined, JSON.stringify(spec))
  const resources = encodeResources(compile(state, 'edge', live).resources, inClear)
  return Object.fromEntries(
    [...resources].flatMap(([type, byName]) =>
      [...byName].map(([name, { version }]) => [`${type.slice(type.lastIndexOf('.') + 1)} ${name}`, version]),
    ),
  )
}

describe('what of a policy Envoy gets', () => {
  const overrides = (limit: number, ...values: string[]) => ({
    overrides: values.map((value) => ({ match: { header: { 'x-tier': value } }, limit })),
  })
  const before = versions(overrides(6, 'gold'))

  for (const [title, spec] of Object.entries({
    'another number': overrides(7, 'gold'),
    'another value': overrides(6, 'silver'),
    'one more override of the same header': overrides(6, 'gold', 'silver'),
    'another limit and window': { ...overrides(6, 'gold'), limit: 9, window: '1h' },
    'another algorithm': {
      ...{ algorithm: 'token_bucket', capacity: 1, refill: { tokens: 1, every: '1s' } },
      ...{ limit: undefined, window: undefined },
      overrides: [{ match: { header: { 'x-tier': 'gold' } }, capacity: 2 }],
    },
    'a plan': { ...overrides(6, 'gold'), plans: { gold: { limit: 1 } } },
    'another answer': { ...overrides(6, 'gold'), response: { status: 503, body: 'later' } },
    'a shadow': { ...overrides(6, 'gold'), mode: 'shadow', percent: 3 },
  })) {
    test(`nothing changes for it by ${title}`, () => {
      assert.deepEqual(versions(spec), before)
    })
  }

  for (const [title, spec] of Object.entries({
    'what it looks at': { overrides: [{ match: { header: { 'x-other': 'gold' } }, limit: 6 }] },
    'its stage': { ...overrides(6, 'gold'), stage: 'before_auth' },
  })) {
    test(`only routes change by ${title}, and no listener drains`, () => {
      const after = versions(spec)
      const changed = Object.keys(before).filter((name) => after[name] !== before[name])
      assert.deepEqual(changed, ['RouteConfiguration edge/http'])
    })
  }

  test('a shield is another resource than routes and listeners, and follows the largest numbers', () => {
    const shielded = versions({ ...overrides(6, 'gold'), shield: '10x' })
    const changedBy = (spec: object) => {
      const after = versions(spec)
      return Object.keys(shielded).filter((name) => after[name] !== shielded[name])
    }
    const extension = 'TypedExtensionConfig envoy.filters.http.local_ratelimit'
    assert.deepEqual(changedBy({ ...overrides(7, 'gold'), shield: '10x' }), [extension])
    assert.deepEqual(changedBy({ ...overrides(6, 'gold'), shield: '20x' }), [extension])
    assert.deepEqual(changedBy({ ...overrides(5, 'gold'), limit: 6, shield: '10x' }), [])
  })

  test('the answers of limits have two mappers for each status, the usual one first', () => {
    const body = (status: number, title: string) => ({ body: `${status} ${title}` })
    const mappers = localReplies({ body, notGrpc: {} }) as {
      status_code?: { value: number }
      body?: string
      filter: { metadata_filter: object }
    }[]
    const statuses = mappers.map(({ status_code }) => status_code?.value)
    const others = Array.from({ length: 200 }, (_, index) => 400 + index).filter((status) => status !== 429)
    assert.deepEqual(statuses, [undefined, ...others, ...others])
    const otherwise = mappers.map(({ filter }) => JSON.stringify(filter).includes('"value":true'))
    assert.deepEqual(otherwise, [true, ...others.map(() => false), ...others.map(() => false)])
    const bodies = new Map(mappers.map((each) => [each.body?.slice(0, 3), each.body]))
    assert.equal(bodies.size, others.length + 1)
    assert.equal(bodies.get('402'), '402 Payment Required')
    assert.equal(bodies.get('499'), '499 Bad Request')
    assert.equal(bodies.get('599'), '599 Internal Server Error')
  })
})

describe('what a policy is warned of', () => {
  const warned = (spec: object) => {
    const document = policy(spec)
    return warningsOf(kinds, [document as never], stateOf([document])!).map(
      ({ pointer, message, effect }) => `${pointer}: ${message}: ${effect}`,
    )
  }

  test('nothing', () => assert.deepEqual(warned({}), []))

  test('skip lets those pass who leave something out; what every request has cannot be left out', () => {
    assert.deepEqual(
      warned({ onMissing: 'skip', key: [{ header: 'x-key' }, { query: 'q' }, { path: true }] }),
      [
        '/spec/onMissing: requests without header x-key or query q are not limited: leaving it out evades the limit',
      ],
    )
    assert.deepEqual(warned({ onMissing: 'skip', key: [{ client_ip: true }, { route: true }] }), [])
    assert.deepEqual(warned({ onMissing: 'deny' }), [])
  })

  test('a cost by header is the client’s choice', () => {
    assert.deepEqual(warned({ cost: { header: 'x-cost' } }), [
      '/spec/cost: every client may write "x-cost": clients choose what their requests count, at least 1',
    ])
  })

  test('an address by header is the client’s choice', () => {
    assert.deepEqual(warned({ key: [{ client_ip: true }, { header: 'x-forwarded-for' }] }), [
      '/spec/key/1/header: every client may write "x-forwarded-for": clients choose what they are counted by; client_ip is the address that they come from',
    ])
  })

  test('a shield that would refuse what is in shadow, and one that answers otherwise than its limit', () => {
    assert.deepEqual(warned({ shield: '10x', mode: 'shadow' }), [
      '/spec/shield: "shield" does nothing beside "mode: shadow": it would refuse requests of keys that are in shadow',
    ])
    assert.deepEqual(warned({ shield: '10x', percent: 10 }), [
      '/spec/shield: "shield" does nothing beside "percent: 10": it would refuse requests of keys that are in shadow',
    ])
    assert.deepEqual(warned({ shield: '10x', response: { status: 503 } }), [
      '/spec/response: "response" is what the limit answers; what the shield refuses gets a 429 with a problem document: clients far beyond the limit see the other answer',
    ])
    assert.deepEqual(warned({ shield: '10x', response: {} }), [])
  })

  test('a share of the keys for which a shadow is enforced', () => {
    assert.deepEqual(warned({ mode: 'shadow', percent: 10 }), [
      '/spec/percent: "percent" changes nothing beside "mode: shadow": the policy is enforced for no key',
    ])
    assert.deepEqual([...warned({ mode: 'shadow', percent: 100 }), ...warned({ percent: 10 })], [])
  })

  test('overrides that no request matches', () => {
    const told = (match: object) => warned({ overrides: [{ match, limit: 1 }] })
    for (const [match, place, message] of [
      [{ route: 'books' }, 'route', 'there is no Route/books: '],
      [{ route: { prefix: 'bo' } }, 'route', 'there is no Route whose name starts with bo: '],
      [
        { path: 'books' },
        'path',
        '"path" does not start with "/", or has a query or spaces: no request has such',
      ],
      [
        { path: { prefix: '/a?b' } },
        'path',
        '"path" does not start with "/", or has a query or spaces: no request',
      ],
      [
        { path: '/a//b' },
        'path',
        '"path" has two slashes in a row, which become one: no request has such a path',
      ],
      [
        { header: { x_tier: 'a' } },
        'header/x_tier',
        'Envoy refuses requests with "x_tier", as with any header',
      ],
      [
        { cookie: { tier: 'a,b' } },
        'cookie/tier',
        'the value of a cookie ends at a comma and at a semicolon: ',
      ],
    ] as const) {
      const [first = 'nothing', ...others] = told(match)
      assert.ok(first.startsWith(`/spec/overrides/0/match/${place}: ${message}`), first)
      assert.ok(first.endsWith('these numbers are for nobody'), first)
      assert.deepEqual(others, [])
    }
    for (const match of [
      ...[{ path: '/a' }, { path: { prefix: '/a/.' } }, { header: { 'x-tier': 'a,b' } }],
      ...[{ cookie: { tier: 'a b' } }, { client_ip: { cidr: '10.1.2.3/8' } }, { method: 'GET' }],
    ])
      assert.deepEqual(told(match), [], JSON.stringify(match))
  })

  test('braces that stand for nothing', () => {
    const response = {
      body: '{"wait":"{retry_after}","limit":{limit}}',
      headers: { 'x-why': '{policy} {who}' },
    }
    assert.deepEqual(warned({ response }), [
      '/spec/response/headers/x-why: {who} stands for nothing: clients get it as it is written',
      '/spec/response/body: {retry_after} stands for nothing: clients get it as it is written',
    ])
  })
})
