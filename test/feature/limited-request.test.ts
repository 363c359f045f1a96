import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startWeir, type Weir } from '../support/weir.ts'

let database: FreshDatabase
let weir: Weir
let envoy: TestEnvoy
let blue: Upstream
let green: Upstream
let port: number

before(async () => {
  database = await freshDatabase()
  ;[blue, green] = await Promise.all([startUpstream('blue'), startUpstream('green')])
  port = await freePort()
  weir = await startWeir({ environment: { DATABASE_URL: database.url } })
  await weir.apply(gateway())
  envoy = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort, id: 'edge-1' })
})

after(async () => {
  await envoy?.stop()
  await weir?.end()
  await Promise.all([blue?.close(), green?.close()])
  await database?.drop()
})

const gateway = () => ({
  kind: 'Gateway',
  name: 'edge',
  spec: { listeners: [{ name: 'http', port, protocol: 'http' }], rateLimitService: { timeout: '2s' } },
})
const cluster = (name: string, ...to: Upstream[]) => ({
  kind: 'Cluster',
  name,
  spec: { endpoints: to.map((upstream) => ({ address: '127.0.0.1', port: upstream.port })) },
})
const route = (name: string, prefix: string, to: string, more: object = {}) => ({
  kind: 'Route',
  name,
  spec: { gateways: ['edge'], match: { path: { prefix } }, forward: [{ cluster: to }], ...more },
})
/** A window of an hour, so that no test meets its edge but once in a blue moon; keys differ by test. */
const limit = (name: string, key: object[], allowed = 3) => ({
  kind: 'RateLimitPolicy',
  name,
  spec: { algorithm: 'fixed_window', limit: allowed, window: '8784h', key },
})

async function get(path: string, headers: Record<string, string> = {}) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers })
  return {
    status: response.status,
    upstream: response.headers.get('x-upstream'),
    headers: response.headers,
    text: await response.text(),
  }
}

/** A new listener opens a moment after its acknowledgement; the socket itself is asked until it answers. */
async function opened(): Promise<void> {
  for (;;) {
    try {
      await get('/')
      return
    } catch {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

describe('a limited request through the whole pipeline', () => {
  test('a gateway without routes answers 404', async () => {
    await weir.apply(gateway())
    await opened()
    assert.equal((await get('/')).status, 404)
  })

  test('a route takes requests as soon as its write is acknowledged, and the upstream sees them', async () => {
    await weir.apply(cluster('main', blue), route('all', '/', 'main'))
    const { status, upstream } = await get('/hello?x=1', { 'x-mine': '7' })
    assert.equal(status, 200)
    assert.equal(upstream, 'blue')
    const last = blue.seen.at(-1)!
    assert.equal(last.url, '/hello?x=1')
    assert.equal(last.headers['x-mine'], '7')
    assert.equal(last.headers['x-forwarded-proto'], 'http')
  })

  test('the limit is admitted and not one request more; the upstream sees none of the rest', async () => {
    await weir.apply(
      limit('per-key', [{ header: 'x-api-key' }]),
      route('limited', '/limited', 'main', { rateLimits: ['per-key'] }),
    )
    const seen = blue.seen.length
    const answers = []
    for (let index = 0; index < 5; index++) answers.push(await get('/limited', { 'x-api-key': 'a' }))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 429, 429],
    )
    assert.equal(blue.seen.length - seen, 3)
    assert.equal(answers[0]!.headers.get('ratelimit-policy'), '"per-key";q=3;w=31622400')
    assert.match(answers[0]!.headers.get('ratelimit')!, /^"per-key";r=2;t=\d+$/)
    assert.equal(answers[0]!.headers.get('retry-after'), null)
    const denied = answers[3]!.headers
    assert.match(denied.get('ratelimit')!, /^"per-key";r=0;t=\d+$/)
    const wait = Number(denied.get('retry-after'))
    assert.ok(Number.isInteger(wait) && wait >= 1 && wait <= 31622400)
    assert.equal((await get('/limited', { 'x-api-key': 'b' })).status, 200)
    assert.equal((await get('/free')).headers.get('ratelimit'), null)
  })

  test('leaving the header out does not evade the limit', async () => {
    const statuses = []
    for (let index = 0; index < 4; index++) statuses.push((await get('/limited')).status)
    assert.deepEqual(statuses, [200, 200, 200, 429])
  })

  test('raising the limit gives the difference at once', async () => {
    await weir.apply(limit('per-key', [{ header: 'x-api-key' }], 5))
    const statuses = []
    for (let index = 0; index < 3; index++)
      statuses.push((await get('/limited', { 'x-api-key': 'a' })).status)
    assert.deepEqual(statuses, [200, 200, 429])
  })

  test('by client IP the address that a client writes itself is not believed', async () => {
    await weir.apply(
      limit('per-client', [{ client_ip: true }], 2),
      route('by-ip', '/ip', 'main', { rateLimits: ['per-client'] }),
    )
    const statuses = []
    for (let index = 0; index < 3; index++) {
      statuses.push((await get('/ip', { 'x-forwarded-for': `10.0.0.${index}` })).status)
    }
    assert.deepEqual(statuses, [200, 200, 429])
  })

  test('two policies on a route: a denial by one takes nothing from the other', async () => {
    await weir.apply(
      limit('few', [{ header: 'x-few' }], 1),
      limit('all', [{ constant: 'everyone' }], 3),
      route('both', '/both', 'main', { rateLimits: ['few', 'all'] }),
    )
    const statuses = []
    for (const key of ['a', 'a', 'a', 'b', 'c', 'd'])
      statuses.push((await get('/both', { 'x-few': key })).status)
    assert.deepEqual(statuses, [200, 429, 429, 200, 200, 429])
    const last = await get('/both', { 'x-few': 'd' })
    assert.match(last.headers.get('ratelimit')!, /^"few";r=1;t=\d+, "all";r=0;t=\d+$/)
  })

  test('an edit of a cluster moves traffic without a lost request, and drains no listener', async () => {
    const before = await envoy.stats('listener_manager')
    await weir.apply(cluster('main', green))
    assert.equal((await get('/')).upstream, 'green')
    await weir.apply(cluster('main', blue, green))
    const answers = await Promise.all(Array.from({ length: 20 }, () => get('/')))
    assert.deepEqual([...new Set(answers.map(({ upstream }) => upstream))].sort(), ['blue', 'green'])
    const after = await envoy.stats('listener_manager')
    for (const name of ['listener_manager.listener_modified', 'listener_manager.total_listeners_draining']) {
      assert.equal(after[name], before[name], name)
    }
  })

  test('hosts: the most specific wins, ports are ignored, a miss falls through', async () => {
    await weir.apply(
      cluster('other', green),
      cluster('main', blue),
      route('shop', '/shop', 'other', { hosts: ['shop.example'] }),
    )
    const ask = (host: string, path: string) =>
      new Promise<string | undefined>((resolve, reject) => {
        import('node:http').then(({ get: httpGet }) =>
          httpGet({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
            response.resume()
            resolve(response.headers['x-upstream'] as string)
          }).on('error', reject),
        )
      })
    assert.equal(await ask('shop.example', '/shop/1'), 'green')
    assert.equal(await ask('shop.example:10443', '/shop'), 'green')
    assert.equal(await ask('shop.example', '/shopper'), 'blue')
    assert.equal(await ask('else.example', '/shop'), 'blue')
  })

  test('what is deleted is gone with the acknowledgement', async () => {
    const { status, body } = await weir.api('DELETE', '/v1/routes/all?wait=acked')
    assert.equal(status, 200)
    assert.equal(body.delivery.state, 'acked')
    assert.equal((await get('/hello')).status, 404)
    assert.equal((await get('/limited', { 'x-api-key': 'z' })).status, 200)
  })

  test('the fleet shows the Envoy and what it has', async () => {
    const { body } = await weir.api('GET', '/v1/fleet')
    assert.equal(body.items.length, 1)
    const [item] = body.items
    assert.equal(item.id, 'edge-1')
    assert.equal(item.gateway, 'edge')
    assert.equal(item.state, 'connected')
    assert.match(item.version, /1\.40\.0/)
    const revision = (await weir.api('GET', '/v1/revisions')).body.items[0].revision
    for (const type of ['cluster', 'endpoints', 'listener', 'route']) {
      assert.deepEqual(item.types[type], { state: 'acked', revision }, type)
    }
  })

  test('no request of these tests failed open or in error', async () => {
    const stats = await envoy.stats('ratelimit')
    for (const [name, value] of Object.entries(stats)) {
      if (/ratelimit\.(error|failure_mode_allowed)$/.test(name)) assert.equal(value, 0, name)
    }
    assert.ok(
      (await weir.metric('weir_ratelimit_decisions_total', { policy: 'per-key', result: 'denied' })) >= 3,
    )
  })

  test('an Envoy of an unknown gateway is refused, is seen, and gets in once the gateway is written', async () => {
    const stray = await startTestEnvoy({ gateway: 'later', xdsPort: weir.xdsPort, id: 'stray' })
    try {
      const item = await until(async () => {
        const { body } = await weir.api('GET', '/v1/fleet')
        return body.items.find((each: { id: string }) => each.id === 'stray')
      })
      assert.equal(item.state, 'refused')
      assert.match(item.reason, /later/)
      const later = {
        kind: 'Gateway',
        name: 'later',
        spec: { listeners: [{ name: 'http', port: await freePort(), protocol: 'http' }] },
      }
      await weir.apply(later)
      const joined = await until(async () => {
        const { body } = await weir.api('GET', '/v1/fleet')
        return body.items.find(
          (each: { id: string; state: string }) => each.id === 'stray' && each.state === 'connected',
        )
      })
      assert.equal(joined.gateway, 'later')
    } finally {
      await stray.stop()
    }
  })
})

/** Asks again until there is an answer; the test's own time limit ends what never comes. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
  }
}
