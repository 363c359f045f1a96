import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type Door, openDoor } from '../support/door.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startWeir, type Weir } from '../support/weir.ts'

let database: FreshDatabase
let door: Door
let weir: Weir
let envoy: TestEnvoy
let upstream: Upstream
let port: number
let strictPort: number

before(async () => {
  // Between weir and PostgreSQL, so that it can go away for this file alone.
  database = await freshDatabase()
  door = await openDoor(database.url)
  upstream = await startUpstream('main')
  port = await freePort()
  strictPort = await freePort()
  weir = await startWeir({ environment: { DATABASE_URL: door.url } })
  await weir.apply(
    gateway('edge', port, 'allow'),
    { kind: 'Cluster', name: 'main', spec: { endpoints: [{ address: '127.0.0.1', port: upstream.port }] } },
    {
      kind: 'RateLimitPolicy',
      name: 'few',
      spec: { algorithm: 'fixed_window', limit: 1, window: '8784h', key: [{ header: 'x-key' }] },
    },
    route('limited', ['edge'], ['few']),
  )
  envoy = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort, id: 'edge-1' })
  await weir.apply(route('limited', ['edge'], ['few']))
  await until(async () => (await status(port, 'warm')) === 200)
})

after(async () => {
  await envoy?.stop()
  await weir?.end()
  await upstream?.close()
  await door?.shut()
  await database?.drop()
})

const gateway = (name: string, at: number, onUnavailable: string) => ({
  kind: 'Gateway',
  name,
  spec: {
    listeners: [{ name: 'http', port: at, protocol: 'http' }],
    rateLimitService: { timeout: '2s', onUnavailable },
  },
})
const route = (name: string, gateways: string[], rateLimits: string[]) => ({
  kind: 'Route',
  name,
  spec: { gateways, match: { path: { prefix: '/' } }, forward: [{ cluster: 'main' }], rateLimits },
})

async function status(at: number, key: string): Promise<number | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${at}/`, { headers: { 'x-key': key } })
    await response.text()
    return response.status
  } catch {
    return undefined
  }
}

describe('what Envoy refuses', () => {
  let stranger: Server
  let taken: number

  before(async () => {
    taken = await freePort()
    stranger = createServer()
    await new Promise<void>((resolve) => stranger.listen(taken, '127.0.0.1', resolve))
  })
  after(() => stranger.close())

  test('a port that another program has is told in the receipt, with the row behind it; the rest flows on', async () => {
    const both = gateway('edge', port, 'allow')
    both.spec.listeners.push({ name: 'other', port: taken, protocol: 'http' })
    const path = '/v1/apply?wait=acked&timeout=20s'
    const { status: code, body } = await weir.api('POST', path, [both, route('second', ['edge'], [])])
    assert.equal(code, 200)
    assert.equal(body.delivery.state, 'nacked')
    const [nack] = body.delivery.envoys[0].nacks
    assert.equal(nack.type, 'listener')
    assert.equal(nack.resource, `edge/other@127.0.0.1:${taken}`)
    assert.match(nack.error, /in use/)
    assert.deepEqual(nack.rows, [{ kind: 'Gateway', name: 'edge' }])
    const { body: fleet } = await weir.api('GET', '/v1/fleet')
    assert.equal(fleet.items[0].types.listener.state, 'nacked')
    assert.match(fleet.items[0].lastNack.error, /in use/)
    assert.equal(await status(port, 'during the refusal'), 200)
    // The port is given free; the same document, applied again, is tried again.
    await new Promise((resolve) => stranger.close(resolve))
    const again = await weir.api('POST', path, [both])
    assert.equal(again.body.delivery.state, 'acked', JSON.stringify(again.body))
    await weir.apply(gateway('edge', port, 'allow'))
    assert.equal((await weir.api('GET', '/v1/fleet')).body.items[0].types.listener.state, 'acked')
  })
})

describe('PostgreSQL away', () => {
  test('writes answer 503 with Retry-After, serving goes on, and all is well when it is back', async () => {
    await door.shut()
    const refused = await weir.api('PUT', '/v1/routes/limited', route('limited', ['edge'], []))
    assert.equal(refused.status, 503)
    assert.match(refused.headers.get('content-type')!, /^application\/problem\+json/)
    assert.ok(Number(refused.headers.get('retry-after')) >= 1)

    assert.equal(await status(port, 'outage'), 200)
    assert.equal(await status(port, 'outage'), 429)
    assert.equal((await fetch(`${weir.url}/readyz`)).status, 200)

    // An Envoy that starts meanwhile gets the last good configuration.
    await envoy.stop()
    envoy = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort, id: 'edge-2' })
    await until(async () => (await status(port, 'restarted')) === 200)

    await door.open()
    await until(async () => (await weir.api('GET', '/v1/revisions')).status === 200)
    await weir.apply(route('third', ['edge'], []))
    assert.equal((await weir.api('GET', '/v1/routes/third')).status, 200)
  })
})

describe('the rate-limit service away', () => {
  test('by the gateway’s own choice requests pass or are refused, and nothing hangs', async () => {
    const strictEnvoy = await (async () => {
      await weir.apply(gateway('strict', strictPort, 'deny'), route('strict', ['strict'], ['few']))
      return startTestEnvoy({ gateway: 'strict', xdsPort: weir.xdsPort, id: 'strict-1' })
    })()
    try {
      await until(async () => (await status(strictPort, 'strict')) === 200)
      assert.equal(await status(port, 'away'), 200)
      assert.equal(await status(port, 'away'), 429)
      assert.equal(await status(strictPort, 'away'), 429)
      await weir.end('SIGKILL')
      assert.equal(await status(port, 'away'), 200)
      assert.equal(await status(strictPort, 'away'), 500)
      const stats = await envoy.stats('ratelimit.failure_mode_allowed')
      assert.ok(Object.values(stats).some((count) => count >= 1))
    } finally {
      await strictEnvoy.stop()
    }
  })
})

/** Asks again until it is so; the test's own time limit ends what never comes. */
async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await new Promise((resolve) => setImmediate(resolve))
}
