import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import type { Sent } from '../support/http.ts'
import { sendHttp2 } from '../support/http2.ts'
import { assertDecided, patient, policy } from '../support/rate-limits.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstream: Upstream

before(async () => {
  upstream = await startUpstream('a')
  edge = await startEdge(patient)
  await edge.apply(cluster('a', upstream))
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
})

/** The statuses of requests that are sent one after the other. */
async function statuses(...all: (Sent | string)[]): Promise<number[]> {
  const found = []
  for (const sent of all) found.push((await edge.send(sent)).status)
  return found
}

/** A route of the policy's name with the policy. */
const limited = (name: string, spec: object) => [
  policy(name, spec),
  route(name, `/${name}`, { rateLimits: [name] }),
]

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)

describe('what a limit counts by', () => {
  test('a query parameter: the first of its name, decoded', async () => {
    await edge.apply(...limited('query', { limit: 1, key: [{ query: 'q' }] }))
    assert.deepEqual(
      await statuses(
        '/query?q=1',
        '/query?a=2&q=%31&q=3',
        '/query?q=3',
        '/query?q=a+b',
        '/query?%71=a%20b',
        '/query?q',
      ),
      [200, 429, 200, 200, 429, 200],
    )
  })

  test('a cookie, wherever it stands in its header', async () => {
    await edge.apply(...limited('cookie', { limit: 1, key: [{ cookie: 'session' }] }))
    const with_ = (cookie: string) => ({ path: '/cookie', headers: { cookie } })
    assert.deepEqual(
      await statuses(
        with_('session=a'),
        with_('x=1; session=a'),
        with_('session=b; session=a'),
        with_('xsession=a'),
      ),
      [200, 429, 200, 200],
    )
  })

  test('a cookie, in whichever line of several, over HTTP/1.1 and HTTP/2', async () => {
    await edge.apply(...limited('lines', { limit: 1, key: [{ cookie: 'session' }] }))
    const path = '/lines'
    const lines = (...all: string[]) => ({
      path,
      headers: ['host', 'localhost', ...all.flatMap((line) => ['cookie', line])],
    })
    assert.deepEqual(
      await statuses(
        lines('x=1', 'session=a'),
        lines('session=a'),
        lines('session=a', 'x'),
        lines('x=2', 'y=3; session=a', 'session=b'),
        lines('session=b'),
        // Whether it is in the first line or in the second, nobody can tell any more: such requests share a counter.
        lines('x=1,session=c', 'session=b'),
        path,
      ),
      [200, 429, 429, 429, 200, 200, 200],
    )
    const fields = (...all: string[]) => sendHttp2(edge.port, { path, headers: { cookie: all } })
    assert.deepEqual(await fields('x=1', 'session=d'), 200)
    assert.deepEqual(await fields('session=d'), 429)
    assert.deepEqual(await fields('x=2', 'y=3', 'session=d'), 429)
  })

  test('a cookie in bytes that are no UTF-8', async () => {
    await edge.apply(...limited('bytes', { limit: 1, key: [{ cookie: 'session' }] }))
    const with_ = (cookie: string) => ({ path: '/bytes', headers: { cookie } })
    assert.deepEqual(
      await statuses(with_('session=\xff'), with_('session=\xfe'), with_('x=\xfe;session=\xff')),
      [200, 200, 429],
    )
  })

  test('the path in its normal form, without the query', async () => {
    await edge.apply(...limited('path', { limit: 1, key: [{ path: true }] }))
    assert.deepEqual(
      await statuses('/path/a', '/path/a?x=1', '/path//b/../%61', '/path/A', '/path/a/'),
      [200, 429, 429, 200, 200],
    )
    // What needs its escape, in bytes or as a reserved character, stays as it is written.
    assert.deepEqual(
      await statuses('/path/a!', '/path/a%21', '/path/%c3%a4', '/path/%C3%A4', '/path/%C3%A4'),
      [200, 200, 200, 200, 429],
    )
  })

  test('the method', async () => {
    await edge.apply(...limited('method', { limit: 1, key: [{ method: true }] }))
    const by = (method: string) => ({ path: '/method', method })
    assert.deepEqual(await statuses(by('GET'), by('GET'), by('POST'), by('HEAD')), [200, 429, 200, 200])
  })

  test('the route: one policy has a counter for each; without it they share one', async () => {
    await edge.apply(
      policy('own', { limit: 1, key: [{ route: true }] }),
      policy('shared', { limit: 1 }),
      ...['own', 'shared'].flatMap((name) =>
        ['1', '2'].map((which) => route(`${name}-${which}`, `/${name}/${which}`, { rateLimits: [name] })),
      ),
    )
    assert.deepEqual(await statuses('/own/1', '/own/1', '/own/2', '/own/2'), [200, 429, 200, 429])
    assert.deepEqual(await statuses('/shared/1', '/shared/2'), [200, 429])
  })

  test('a header: of several lines the first, and an empty one is none of those that are missing', async () => {
    await edge.apply(...limited('header', { limit: 1, key: [{ header: 'x-key' }] }))
    const with_ = (...values: string[]) => ({ path: '/header', headers: { 'x-key': values } })
    assert.deepEqual(
      await statuses(
        with_('a'),
        with_('a', 'b'),
        with_('b', 'a'),
        with_('b'),
        with_(''),
        '/header',
        with_(''),
      ),
      [200, 429, 200, 429, 200, 200, 429],
    )
  })

  test('a header whose upstream gets the line that counts, and no other', async () => {
    const headers = { request: { set: { 'x-key': '%REQ(x-key)%' } } }
    await edge.apply(
      policy('one-line', { limit: 1, key: [{ header: 'x-key' }] }),
      route('one-line', '/one-line', { rateLimits: ['one-line'], headers }),
    )
    const with_ = (...values: string[]) => ({ path: '/one-line', headers: { 'x-key': values } })
    assert.deepEqual(
      await statuses(with_('a', 'b'), with_('b', 'a'), with_('a', 'c'), '/one-line'),
      [200, 200, 429, 200],
    )
    const passed = upstream.seen.filter(({ url }) => url === '/one-line')
    assert.deepEqual(
      passed.map((seen) => seen.headers['x-key']),
      ['a', 'b', undefined],
    )
  })

  test('what is missing is shared, skipped or refused', async () => {
    const key = [{ header: 'x-key' }]
    await edge.apply(
      ...['shared', 'skip', 'deny'].flatMap((onMissing) =>
        limited(`if-${onMissing}`, { limit: 1, key, onMissing }),
      ),
    )
    assert.deepEqual(await statuses('/if-shared', '/if-shared'), [200, 429])
    assert.deepEqual(await statuses('/if-skip', '/if-skip', '/if-skip'), [200, 200, 200])
    assert.deepEqual(await statuses('/if-deny'), [429])
    const { headers } = await edge.send('/if-deny')
    assert.equal(headers['retry-after'], undefined)
    for (const name of ['shared', 'skip', 'deny']) {
      const sent = { path: `/if-${name}`, headers: { 'x-key': 'a' } }
      assert.deepEqual(await statuses(sent, sent), [200, 429], name)
    }
  })

  test('the most specific override has its numbers, by header, path and address', async () => {
    await edge.apply(
      ...limited('override', {
        ...{ limit: 1, key: [{ header: 'x-key' }, { client_ip: true }, { path: true }] },
        overrides: [
          { match: { header: { 'x-tier': 'gold' } }, limit: 3 },
          { match: { path: { prefix: '/override/wide' } }, limit: 2 },
          { match: { client_ip: { cidr: '127.0.0.2/32' } }, limit: 0 },
        ],
      }),
    )
    assert.deepEqual(await statuses(...times(2, '/override')), [200, 429])
    assert.deepEqual(await statuses(...times(3, '/override/wider')), [200, 200, 429])
    const gold = { path: '/override', headers: { 'x-key': 'g', 'x-tier': 'gold' } }
    assert.deepEqual(await statuses(...times(4, gold)), [200, 200, 200, 429])
    assert.deepEqual(await statuses({ path: '/override', from: '127.0.0.2' }), [429])
  })
})

describe('what a request counts', () => {
  test('what the policy says, or a header: malformed or left out 1, and never less', async () => {
    await edge.apply(
      ...limited('dear', { limit: 5, cost: 2 }),
      ...limited('costly', { limit: 10, key: [{ header: 'x-key' }], cost: { header: 'x-cost' } }),
    )
    assert.deepEqual(await statuses(...times(3, '/dear')), [200, 200, 429])
    const left = async (cost: Record<string, string>) => {
      const { headers } = await edge.send({ path: '/costly', headers: { 'x-key': 'a', ...cost } })
      return /r=(\d+)/.exec(headers.ratelimit as string)![1]
    }
    const remaining = []
    for (const cost of ['4', '0', '-3', '1.5', 'many', '2147483649'])
      remaining.push(await left({ 'x-cost': cost }))
    assert.deepEqual(remaining, ['6', '5', '4', '3', '2', '1'])
    assert.equal(await left({}), '0')
    const { status, headers } = await edge.send({
      path: '/costly',
      headers: { 'x-key': 'b', 'x-cost': '11' },
    })
    assert.deepEqual([status, headers['retry-after']], [429, undefined])
  })
})

describe('who is not refused', () => {
  test('a shadow is told to no client, and refuses nobody', async () => {
    await edge.apply(
      policy('shade', { limit: 1, mode: 'shadow' }),
      policy('light', { limit: 5 }),
      route('shade', '/shade', { rateLimits: ['shade', 'light'] }),
    )
    assert.deepEqual(await statuses(...times(6, '/shade')), [...times(5, 200), 429])
    const { headers } = await edge.send('/shade')
    assert.doesNotMatch(headers['ratelimit-policy'] as string, /shade/)
  })

  test('percent: a share of the keys, the same ones each time', async () => {
    const key = [{ header: 'x-key' }]
    await edge.apply(
      ...limited('none', { limit: 0, key, percent: 0 }),
      ...limited('half', { limit: 0, key, percent: 50 }),
      ...limited('every', { limit: 0, key, percent: 100 }),
    )
    const asked = (name: string) =>
      statuses(
        ...Array.from({ length: 40 }, (_, index) => ({
          path: `/${name}`,
          headers: { 'x-key': String(index) },
        })),
      )
    assert.deepEqual(new Set(await asked('none')), new Set([200]))
    assert.deepEqual(new Set(await asked('every')), new Set([429]))
    const half = await asked('half')
    // All alike would be one chance in 2^39.
    assert.deepEqual(new Set(half), new Set([200, 429]))
    assert.deepEqual(await asked('half'), half)
  })

  test('every decision was made by the service', () => assertDecided(edge.envoy))
})
