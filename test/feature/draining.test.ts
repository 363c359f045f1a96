import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { after, before, describe, test } from 'node:test'
import { route } from '../support/edge.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { send } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { startWeir, type Weir } from '../support/weir.ts'

let database: FreshDatabase
before(async () => {
  database = await freshDatabase()
})
after(() => database.drop())

describe('an Envoy that is to stop', () => {
  let weir: Weir
  let envoy: TestEnvoy
  let port: number
  let healthPort: number
  before(async () => {
    ;[port, healthPort] = [await freePort(), await freePort()]
    weir = await startWeir({ environment: { DATABASE_URL: database.url } })
    const listeners = [{ name: 'http', port, protocol: 'http' }]
    await weir.apply(
      { kind: 'Gateway', name: 'edge', spec: { listeners } },
      route('all', '/', { respond: { status: 200, body: 'served' } }),
    )
    const health = { host: '127.0.0.1', port: healthPort }
    // Longer than the test: a graceful drain closes the listeners at its end.
    envoy = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort, health, drainSeconds: 600 })
    await until('it is ready', () =>
      send(healthPort, { path: '/ready' }).then(
        ({ status }) => status === 200,
        () => false,
      ),
    )
    await until('it serves', () =>
      send(port, { path: '/' }).then(
        ({ status }) => status === 200,
        () => false,
      ),
    )
  })
  after(async () => {
    await envoy?.stop()
    await weir?.end()
  })

  const ask = async (path: string) => {
    assert.equal((await fetch(envoy.url + path, { method: 'POST' })).status, 200)
  }

  test('tells it to balancers first, and closes each connection with the next answer', async () => {
    assert.equal((await send(healthPort, { path: '/other' })).status, 404)
    const session = connect(`http://127.0.0.1:${port}`)
    await once(session, 'connect')
    await ask('/healthcheck/fail')
    const refused = await send(healthPort, { path: '/ready' })
    assert.equal(refused.status, 503)
    // Not of the client: `send` itself asks for a connection that is kept.
    const { status, headers } = await send(port, { path: '/', headers: { connection: 'keep-alive' } })
    assert.deepEqual([status, headers.connection], [200, 'close'])
    const goaway = once(session, 'goaway')
    const stream = session.request({ ':path': '/' })
    const [answer] = await once(stream, 'response')
    stream.resume()
    assert.equal(answer[':status'], 200)
    assert.equal((await goaway)[0], 0)
    await once(session, 'close')
  })

  test('goes on to say so, and to accept, while it drains', async () => {
    await ask('/drain_listeners?graceful')
    assert.equal((await send(healthPort, { path: '/ready' })).status, 503)
    assert.equal((await send(port, { path: '/' })).status, 200)
    await ask('/drain_listeners')
    // Envoy's workers close their sockets one after the other.
    await until('it refuses connections', () =>
      send(port, { path: '/' }).then(
        () => false,
        ({ code }) => code === 'ECONNREFUSED',
      ),
    )
  })
})

describe('a weir that is to stop', () => {
  test('is alive and serves, but is not ready, until the delay is over', async () => {
    const weir = await startWeir({ environment: { DATABASE_URL: database.url, WEIR_DRAIN_DELAY: '1s' } })
    const ended = weir.end()
    await until('it is not ready', async () => (await fetch(`${weir.url}/readyz`)).status === 503)
    const answer = await fetch(`${weir.url}/readyz`)
    const body = (await answer.json()) as { detail: string; readiness: { stopping: boolean } }
    assert.deepEqual([body.detail, body.readiness.stopping], ['This replica is stopping.', true])
    assert.equal(answer.headers.get('connection'), 'close')
    assert.equal((await fetch(`${weir.url}/healthz`)).status, 200)
    assert.equal((await weir.api('GET', '/v1/gateways')).status, 200)
    assert.equal(await ended, 0)
  })

  test('ends at once when it is told again', async () => {
    const weir = await startWeir({ environment: { DATABASE_URL: database.url, WEIR_DRAIN_DELAY: '8s' } })
    const started = performance.now()
    const ended = weir.end('SIGTERM')
    // A second signal within a second is the first one, sent on by whoever started weir.
    await until('a second is over', () => performance.now() - started > 1_100)
    process.kill(weir.pid, 'SIGTERM')
    assert.equal(await ended, 143)
    assert.ok(performance.now() - started < 7_000)
  })
})
