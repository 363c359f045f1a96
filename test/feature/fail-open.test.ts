import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Door, openDoor } from '../support/door.ts'
import { cluster, route } from '../support/edge.ts'
import { send } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startWeir, type Weir } from '../support/weir.ts'

let database: FreshDatabase
let door: Door
let silent: Server
let silentUrl: string
let weir: Weir
let upstream: Upstream
let port: number

before(async () => {
  ;[database, port, upstream] = await Promise.all([freshDatabase(), freePort(), startUpstream('main')])
  const rlsPort = await freePort()
  // Between Envoy and the rate-limit service, so that it can go away for this file alone.
  door = await openDoor(`http://127.0.0.1:${rlsPort}`)
  silent = createServer((socket) => socket.on('error', () => {}).resume())
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  silentUrl = `http://127.0.0.1:${(silent.address() as { port: number }).port}`
  weir = await startWeir({
    command: 'up',
    environment: {
      DATABASE_URL: database.url,
      WEIR_CONFIG: '',
      WEIR_RLS_ADDR: `127.0.0.1:${rlsPort}`,
      WEIR_RLS_ENVOY_ADDR: new URL(door.url).host,
    },
  })
  await weir.apply(
    gateway('5s'),
    cluster('a', upstream),
    {
      kind: 'RateLimitPolicy',
      name: 'few',
      spec: { algorithm: 'fixed_window', limit: 2, window: '8784h', key: [{ header: 'x-key' }] },
    },
    route('limited', '/limited', { rateLimits: ['few'] }),
  )
  await until('the listener accepts', () =>
    send(port, { path: '/' }).then(
      () => true,
      () => false,
    ),
  )
})

after(async () => {
  await weir?.end()
  await door?.shut().catch(() => {})
  silent?.close()
  await upstream?.close()
  await database?.drop()
})

const gateway = (timeout: string) => ({
  kind: 'Gateway',
  name: 'edge',
  spec: { listeners: [{ name: 'http', port, protocol: 'http' }], rateLimitService: { timeout } },
})

const ask = async (key: string) => (await send(port, { path: '/limited', headers: { 'x-key': key } })).status

async function counted(): Promise<Record<string, number>> {
  const outcomes = ['ok', 'over_limit', 'error', 'failure_mode_allowed']
  const count = (outcome: string) => weir.metric('weir_envoy_ratelimit_total', { gateway: 'edge', outcome })
  return Object.fromEntries(
    await Promise.all(outcomes.map(async (outcome) => [outcome, await count(outcome)])),
  )
}

test('what Envoy says of its rate-limit requests is in the metrics, those without a decision, too', async () => {
  const statuses = [await ask('a'), await ask('a'), await ask('a')]
  assert.deepEqual(statuses, [200, 200, 429])
  assert.deepEqual(await counted(), { ok: 2, over_limit: 1, error: 0, failure_mode_allowed: 0 })
  assert.doesNotMatch(weir.output(), /passed without a decision/)

  // Nobody is there.
  await door.shut()
  assert.equal(await ask('a'), 200)
  assert.deepEqual(await counted(), { ok: 2, over_limit: 1, error: 1, failure_mode_allowed: 1 })
  assert.match(
    weir.output(),
    /1 question of gateway edge about a limit or a breaker passed without a decision/,
  )

  // Somebody is there, and says nothing in time.
  await door.open()
  door.turn(silentUrl)
  await weir.apply(gateway('100ms'))
  const late = await Promise.all(['b', 'c', 'd'].map(ask))
  assert.deepEqual(late, [200, 200, 200])
  assert.deepEqual(await counted(), { ok: 2, over_limit: 1, error: 4, failure_mode_allowed: 4 })
  assert.match(
    weir.output(),
    /3 questions of gateway edge about a limit or a breaker passed without a decision/,
  )
  const log = readFileSync(join(weir.dataDir, 'log', 'weir.log'), 'utf8')
  const lines = log.split('\n').filter((line) => line.includes('"failed_open"'))
  assert.deepEqual(
    lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .map(({ level, requests }) => [level, requests]),
    [
      [40, 1],
      [40, 3],
    ],
  )
})

test('the counters of another gateway are its own, and a gateway that goes takes nothing away', async () => {
  const other = { kind: 'Gateway', name: 'other', spec: { listeners: [] as object[] } }
  other.spec.listeners.push({ name: 'http', port: await freePort(), protocol: 'http' })
  const before = await counted()
  await weir.apply(other)
  assert.deepEqual(await counted(), before)
  assert.equal((await weir.api('DELETE', '/v1/gateways/other?wait=acked')).status, 200)
  assert.deepEqual(await counted(), before)
})
