import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let a: Upstream
let b: Upstream

before(async () => {
  ;[a, b] = await Promise.all([startUpstream('a'), startUpstream('b')])
  edge = await startEdge()
  await edge.apply(cluster('a', a), cluster('b', b))
})

after(async () => {
  await edge?.stop()
  await Promise.all([a?.close(), b?.close()])
})

/** What the upstream saw of one request to `path`. */
async function seen(path: string, headers: Record<string, string> = {}) {
  const before = a.seen.length
  const { status } = await edge.send({ path, headers })
  assert.equal(status, 200)
  assert.equal(a.seen.length, before + 1)
  return a.seen.at(-1)!
}

describe('a path is rewritten before it is forwarded', () => {
  before(() =>
    edge.apply(
      route('deeper', '/api/v1', { rewrite: { prefix: '/v2/' } }),
      route('to-root', '/svc.a', { rewrite: { prefix: '/' } }),
      route('from-root', '/', { rewrite: { prefix: '/users' } }),
      route('exact', { path: { exact: '/one' } }, { rewrite: { prefix: '/two' } }),
      route('whole', { path: { regex: '/item/[0-9]+' } }, { rewrite: { prefix: '/any' }, priority: 1 }),
      route(
        'regex',
        { path: { regex: '/v[0-9]+/.*' } },
        { rewrite: { regex: '^/v([0-9]+)/(.*)$', substitution: '/\\2/\\1' }, priority: 1 },
      ),
    ),
  )
  const cases: [from: string, to: string][] = [
    ['/api/v1', '/v2'],
    ['/api/v1/x?q=/api/v1', '/v2/x?q=/api/v1'],
    ['/svc.a', '/'],
    ['/svc.a/', '/'],
    ['/svc.a/b?x=1', '/b?x=1'],
    ['/svc.ab', '/users/svc.ab'],
    ['/', '/users/'],
    ['/z?a=1', '/users/z?a=1'],
    ['/one?x=1', '/two?x=1'],
    ['/item/17?x=1', '/any?x=1'],
    ['/v12/a/b?c=1', '/a/b/12?c=1'],
  ]
  for (const [from, to] of cases) {
    test(`${from} becomes ${to}`, async () => assert.equal((await seen(from)).url, to))
  }
})

test('a redirect names what it changes, and keeps the rest', async () => {
  await edge.apply(
    route('moved', '/old', {
      redirect: { scheme: 'https', host: 'shop.example', port: 10443, path: '/new', status: 308 },
    }),
    route('moved-host', '/older', { redirect: { host: 'shop.example' } }),
  )
  const all = await edge.send('/old/x?q=1')
  assert.deepEqual([all.status, all.headers.location], [308, 'https://shop.example:10443/new?q=1'])
  const host = await edge.send('/older/x?q=1')
  assert.deepEqual([host.status, host.headers.location], [301, 'http://shop.example/older/x?q=1'])
})

test('a route answers by itself, with its headers and a body of three-byte characters', async () => {
  const body = '€'.repeat(4_096)
  await edge.apply(
    route(
      'status',
      { path: { exact: '/status' } },
      {
        respond: { status: 503, body, headers: { 'content-type': 'text/x-euro', 'x-load': '100%%' } },
        headers: { response: { add: { 'x-by': 'weir' }, remove: ['server'] } },
      },
    ),
    route('nothing', { path: { exact: '/nothing' } }, { respond: { status: 204 } }),
  )
  const answer = await edge.send('/status')
  assert.equal(answer.status, 503)
  assert.equal(answer.body, body)
  assert.equal(answer.headers['content-type'], 'text/x-euro')
  assert.equal(answer.headers['x-load'], '100%')
  assert.equal(answer.headers['x-by'], 'weir')
  assert.equal((await edge.send('/nothing')).status, 204)
})

test('headers are set, added and removed, on the way there and back', async () => {
  await edge.apply(
    route('headers', '/headers', {
      headers: {
        request: {
          set: {
            'x-tier': 'gold',
            'x-from': '%REQ(x-name?x-other):3%',
            'x-none': '%REQ(x-none)%',
            'x-empty': '',
          },
          add: { 'x-hop': 'edge' },
          remove: ['x-debug'],
        },
        response: { set: { 'x-upstream': '%UPSTREAM_CLUSTER%' }, add: { 'x-hop': 'edge' }, remove: ['date'] },
      },
    }),
  )
  const sent = { 'x-tier': 'mine', 'x-other': 'abcdef', 'x-hop': 'client', 'x-debug': '1' }
  const { headers } = await seen('/headers', sent)
  assert.equal(headers['x-tier'], 'gold')
  assert.equal(headers['x-from'], 'abc')
  assert.equal(headers['x-none'], undefined)
  assert.equal(headers['x-empty'], '')
  assert.equal(headers['x-hop'], 'client, edge')
  assert.equal(headers['x-debug'], undefined)
  const answer = await edge.send('/headers')
  assert.equal(answer.upstream, 'a')
  assert.equal(answer.headers['x-hop'], 'edge')
})

test('a share of the requests is copied to another cluster, and nobody waits for its answer', async () => {
  await edge.apply(
    route('copied', '/copied', { mirror: { cluster: 'b' } }),
    route('never-copied', '/never-copied', { mirror: { cluster: 'b', percent: 0 } }),
  )
  assert.equal((await edge.send({ path: '/copied?x=1', headers: { 'x-id': '1' } })).upstream, 'a')
  await b.seenCount(1)
  assert.equal(b.seen[0]!.url, '/copied?x=1')
  assert.equal(b.seen[0]!.headers['x-id'], '1')
  for (let i = 0; i < 20; i++) assert.equal((await edge.send('/never-copied')).upstream, 'a')
  assert.equal(b.seen.length, 1)
})

describe('cross-origin requests', () => {
  const origin = 'https://shop.example'
  before(() =>
    edge.apply(
      route(
        'put',
        { path: { prefix: '/cors' }, methods: ['PUT'], headers: [{ name: 'x-api', present: true }] },
        {
          cors: {
            allowOrigins: [origin],
            allowMethods: ['PUT'],
            allowHeaders: ['x-api'],
            exposeHeaders: ['x-upstream'],
            allowCredentials: true,
            maxAge: '1h',
          },
        },
      ),
      route('open', '/open', { cors: { allowOrigins: ['*'] } }),
    ),
  )
  const preflight = (path: string, from: string, method: string) =>
    edge.send({
      path,
      method: 'OPTIONS',
      headers: {
        origin: from,
        'access-control-request-method': method,
        'access-control-request-headers': 'x-api',
      },
    })

  test('a preflight is answered for a route that itself takes another method and a header', async () => {
    const before = a.seen.length
    const { status, headers } = await preflight('/cors/x', origin, 'PUT')
    assert.equal(status, 200)
    assert.equal(headers['access-control-allow-origin'], origin)
    assert.equal(headers['access-control-allow-methods'], 'PUT')
    assert.equal(headers['access-control-allow-headers'], 'x-api')
    assert.equal(headers['access-control-allow-credentials'], 'true')
    assert.equal(headers['access-control-max-age'], '3600')
    assert.equal(a.seen.length, before, 'the service is not asked')
  })

  test('another origin gets no leave, and the service is not asked', async () => {
    const before = a.seen.length
    const { headers } = await preflight('/cors/x', 'https://evil.example', 'PUT')
    assert.equal(headers['access-control-allow-origin'], undefined)
    assert.equal(a.seen.length, before)
  })

  test('answers say who may read them', async () => {
    const sent = { path: '/cors/x', method: 'PUT', headers: { origin, 'x-api': '1' } }
    const { status, headers } = await edge.send(sent)
    assert.equal(status, 200)
    assert.equal(headers['access-control-allow-origin'], origin)
    assert.equal(headers['access-control-expose-headers'], 'x-upstream')
    const any = await edge.send({ path: '/open', headers: { origin: 'https://any.example' } })
    assert.equal(any.headers['access-control-allow-origin'], 'https://any.example')
  })
})
