import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { after, before, beforeEach, describe, test } from 'node:test'
import { lineOf } from '../support/access-log.ts'
import { cluster, gateway, route } from '../support/edge.ts'
import { send } from '../support/http.ts'
import { type ScriptedBreaker, startScriptedBreaker } from '../support/scripted-breaker.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

/** Where requests go while a breaker is open, which here a script says. */
let run: ScriptedBreaker
let shop: Upstream
let spare: Upstream
/** How the spare answers next; 200 where nothing is said. */
const statuses: number[] = []
/** Decisions that come late on a busy machine are waited for. */
const settings = { accessLog: { format: 'json' }, rateLimitService: { timeout: '5s' } }
let documents: (window?: number) => object[]

before(async () => {
  ;[shop, spare] = await Promise.all([
    startUpstream('shop'),
    startUpstream('spare', (response) => {
      response.statusCode = statuses.shift() ?? 200
      response.end('from the spare')
    }),
  ])
  run = await startScriptedBreaker((port) => {
    documents = (window = 10) => [gateway(port, settings), ...written(window)]
    return documents()
  })
})

after(async () => {
  await run?.stop()
  await Promise.all([shop, spare].map((upstream) => upstream?.close()))
})

beforeEach(() => {
  run.forget()
  run.script.clear()
  statuses.length = 0
  for (const { seen } of [shop, spare]) seen.length = 0
})

function written(window: number): object[] {
  const policy = (name: string, fallback: object) => ({
    ...{ kind: 'OutlierDetectionPolicy', name },
    spec: { breaker: { errorRate: 50, window, open: '30s', fallback } },
  })
  const answer = { status: 203, headers: { 'x-from': 'the gateway' }, body: '{"books":[]}' }
  const retry = { attempts: 1, on: ['5xx'] }
  const headers = { request: { set: { 'x-tier': 'edge' } }, response: { set: { 'x-shop': 'books' } } }
  const to = (name: string) => ({ forward: [{ cluster: name }], headers })
  const many = Array.from({ length: 300 }, (_, index) => route(`many-${index}`, `/many/${index}`, to('shop')))
  return [
    ...[policy('elsewhere', { cluster: 'spare' }), policy('answered', { respond: answer })],
    cluster('shop', shop, { outlierDetection: 'elsewhere' }),
    cluster('told', shop, { outlierDetection: 'answered' }),
    cluster('spare', spare, { outlierDetection: 'none' }),
    cluster('plain', shop, { outlierDetection: 'none' }),
    { kind: 'RequestPolicy', name: 'small', spec: { maxBytes: '10B', contentTypes: ['text/plain'] } },
    route('shop', '/shop', { ...to('shop'), rewrite: { prefix: '/inner' }, retry }),
    route('told', '/told', to('told')),
    route('split', '/split', { forward: ['shop', 'told', 'plain'].map((name) => ({ cluster: name })) }),
    route('sticky', '/sticky', {
      forward: [{ cluster: 'shop' }, { cluster: 'plain', weight: 0 }],
      hash: [{ on: 'cookie', name: 'part', ttl: '1h' }],
    }),
    route('guarded', '/guarded', { ...to('shop'), request: 'small' }),
    route(
      'cors',
      { path: { prefix: '/cors' }, methods: ['GET'] },
      {
        ...to('shop'),
        cors: { allowOrigins: ['https://shop.example'] },
      },
    ),
    ...many.map((each) => ({
      ...each,
      spec: { ...(each as { spec: object }).spec, hosts: ['many.example'] },
    })),
  ]
}

describe('to another cluster', () => {
  beforeEach(() => void run.script.set('shop', 'fallback'))

  test('the request goes there as the route makes it, and the answer comes as the route makes it', async () => {
    const { status, upstream, headers } = await run.send('/shop/a?b=c')
    assert.deepEqual([status, upstream, headers['x-shop']], [200, 'spare', 'books'])
    assert.equal(shop.seen.length, 0)
    const [{ url, headers: seen }] = spare.seen as [(typeof spare.seen)[0]]
    assert.deepEqual([url, seen['x-tier']], ['/inner/a?b=c', 'edge'])
  })

  test('its body comes along, and what fails there is tried again', async () => {
    statuses.push(500)
    const { status, upstream } = await run.send({
      path: '/shop',
      method: 'POST',
      body: Buffer.alloc(5_000, 'a'),
    })
    assert.deepEqual([status, upstream], [200, 'spare'])
    assert.deepEqual(
      spare.seen.map(({ headers }) => headers['content-length']),
      ['5000', '5000'],
    )
  })

  test('neither side sees a header of it, and the outcome there is nobody’s', async () => {
    const open = await run.send('/shop')
    const [elsewhere] = spare.seen
    run.script.clear()
    const closed = await run.send('/shop')
    assert.deepEqual([open.upstream, closed.upstream], ['spare', 'shop'])
    assert.deepEqual(Object.keys(open.headers).sort(), Object.keys(closed.headers).sort())
    assert.deepEqual(Object.keys(elsewhere!.headers).sort(), Object.keys(shop.seen[0]!.headers).sort())
    assert.equal((await run.saidOf('report', 1)).length, 1)
    assert.equal((await run.saidOf('ask', 2)).length, 2)
  })

  test('a limit of the route still holds', async () => {
    const post = (body: string, type: string) =>
      run.send({
        path: '/guarded',
        method: 'POST',
        body: Buffer.from(body),
        headers: { 'content-type': type },
      })
    assert.deepEqual([(await post('short', 'text/plain')).status, spare.seen.length], [200, 1])
    assert.equal((await post('much too long for it', 'text/plain')).status, 413)
    assert.equal((await post('short', 'text/html')).status, 415)
    assert.equal(spare.seen.length, 1)
  })

  test('on a host of many routes', async () => {
    for (const number of [0, 150, 299]) {
      const path = `/many/${number}`
      const { upstream } = await run.send({ path, headers: { host: 'many.example' } })
      assert.equal(upstream, 'spare', path)
    }
  })

  test('clients that a split keeps on a part go there with it', async () => {
    run.script.clear()
    const first = await run.send('/sticky')
    const cookie = first.headers['set-cookie']![0]!.split(';')[0]!
    run.script.set('shop', 'fallback')
    assert.equal((await run.send({ path: '/sticky', headers: { cookie } })).upstream, 'spare')
    assert.equal((await run.send('/sticky')).upstream, 'spare')
  })

  test('what only looks like a preflight goes there, too', async () => {
    const headers = { origin: '', 'access-control-request-method': 'GET' }
    const { upstream } = await run.send({ path: '/cors', method: 'OPTIONS', headers })
    assert.deepEqual([upstream, shop.seen.length], ['spare', 0])
    const asked = { origin: 'https://shop.example', 'access-control-request-method': 'GET' }
    const answered = await run.send({ path: '/cors', method: 'OPTIONS', headers: asked })
    assert.equal(answered.headers['access-control-allow-origin'], 'https://shop.example')
    assert.equal(spare.seen.length, 1)
  })
})

test('to an answer of the gateway’s own, with the headers of both', async () => {
  run.script.set('told', 'fallback')
  const { status, headers, body } = await run.send('/told')
  assert.deepEqual(
    [status, headers['x-from'], headers['x-shop'], body],
    [203, 'the gateway', 'books', '{"books":[]}'],
  )
  assert.equal(shop.seen.length, 0)
})

test('of a split each part goes where its own fallback is', async () => {
  run.script.set('shop', 'fallback').set('told', 'fallback')
  const found = new Map<string, number>()
  for (let count = 0; count < 60; count++) {
    const { status, upstream = 'the gateway' } = await run.send('/split')
    const key = `${upstream} ${status}`
    found.set(key, (found.get(key) ?? 0) + 1)
  }
  assert.deepEqual(new Set(found.keys()), new Set(['spare 200', 'the gateway 203', 'shop 200']))
  assert.equal(found.get('shop 200'), shop.seen.length)
})

test('nothing that a client sends leads there, or past the breaker', async () => {
  const names = [
    'x-weir-breaker',
    'x-weir-breaker-open',
    'weir.breaker',
    'x-weir-fallback',
    'fallback',
    'gen',
  ]
  const values = ['shop', '1', 'open', '{"fallback":"shop"}']
  for (const value of values) {
    const headers = {
      ...Object.fromEntries(names.map((name) => [name, value])),
      'x-envoy-ratelimited': 'true',
    }
    assert.equal((await run.send({ path: '/shop', headers })).upstream, 'shop')
    run.script.set('shop', 'refuse')
    assert.equal((await run.send({ path: '/shop', headers })).status, 503)
    run.script.clear()
  }
})

test('the access log says whose breaker it was, and by which policy', async () => {
  const lines = []
  for (const script of ['fallback', 'refuse', 'admit'] as const) {
    run.script.set('shop', script)
    const { headers } = await run.send('/shop')
    const line = await lineOf(run.envoy, headers['x-request-id'] as string)
    lines.push(['status', 'cluster', 'fallbackFor', 'deniedBy', 'details'].map((field) => line[field]))
  }
  assert.deepEqual(lines, [
    [200, 'spare', 'shop', null, 'via_upstream'],
    [503, 'shop', null, 'elsewhere', 'request_rate_limited'],
    [200, 'shop', null, null, 'via_upstream'],
  ])
})

test('a breaker that comes, changes and goes drains no listener: a connection stays', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const get = async () => {
    const { status, headers } = await send(run.port, { path: '/shop' }, agent)
    // Envoy says `close` on connections of a listener that is to go.
    return [status, headers.connection]
  }
  const plain = (each: object) => {
    const { kind, spec } = each as { kind: string; spec: object }
    return kind === 'Cluster' ? { ...each, spec: { ...spec, outlierDetection: 'none' } } : each
  }
  try {
    assert.deepEqual(await get(), [200, undefined])
    for (const next of [documents().map(plain), documents(), documents(20)]) {
      await run.publish(...next)
      assert.deepEqual(await get(), [200, undefined])
    }
    const stats = await run.envoy.stats('listener_manager|downstream_cx_drain_close|downstream_cx_total')
    assert.equal(stats['listener_manager.listener_modified'], 0)
    assert.equal(stats['listener_manager.total_listeners_draining'], 0)
    assert.equal(stats['http.edge_http.downstream_cx_drain_close'], 0)
  } finally {
    agent.destroy()
  }
})
