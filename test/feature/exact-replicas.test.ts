import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Agent, get } from 'node:http'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { countingTogether } from '../support/counting-together.ts'
import { cluster, gateway, route } from '../support/edge.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startValkey, type Valkey } from '../support/valkey.ts'
import { startWeir, type Weir } from '../support/weir.ts'

const isLong = process.env.WEIR_LONG === '1'
const { limit, windows } = isLong ? { limit: 1_000, windows: 10 } : { limit: 100, windows: 2 }
const windowMs = 5_000
/** What is asked so long before an edge is decided before it; a busy machine is given more. */
const marginMs = isLong ? 100 : 500
const connections = 8

let database: FreshDatabase
let valkey: Valkey
let upstream: Upstream
/** One with all roles, and one that is a rate-limit service alone. */
let weirs: Weir[]
let envoys: TestEnvoy[]
let ports: number[]

before(async () => {
  database = await freshDatabase()
  valkey = await startValkey()
  upstream = await startUpstream('a')
  const rls = [await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`)
  const shared = {
    DATABASE_URL: database.url,
    REDIS_URL: `redis://127.0.0.1:${valkey.port}`,
    WEIR_SECRET_KEY: randomBytes(32).toString('base64'),
    WEIR_RLS_ENVOY_ADDR: rls.join(),
    // A busy machine answers later than a store should: nothing is to be decided without it here.
    WEIR_STORE_TIMEOUT: '1s',
  }
  weirs = [await startWeir({ environment: { ...shared, WEIR_RLS_ADDR: rls[0]! } })]
  const roles = { WEIR_ROLES: 'ratelimit', WEIR_RLS_ADDR: rls[1]! }
  weirs.push(await startWeir({ environment: { ...shared, ...roles } }))
  ports = [await freePort(), await freePort()]
  const patient = { rateLimitService: { timeout: '5s', onUnavailable: 'deny' } }
  await weirs[0]!.apply(
    gateway(ports[0]!, patient),
    // Another gateway, so that each Envoy has a port of its own; the policy is one.
    { ...(gateway(ports[1]!, patient) as { spec: object }), name: 'other' },
    cluster('a', upstream),
    { kind: 'RateLimitPolicy', name: 'all', spec: fixedWindow },
    route('limited', '/', { gateways: ['edge', 'other'], rateLimits: ['all'] }),
  )
  envoys = await Promise.all(
    ['edge', 'other'].map((name) => startTestEnvoy({ gateway: name, xdsPort: weirs[0]!.xdsPort })),
  )
  for (const weir of weirs) await countingTogether(weir, weirs.length)
  for (const [index, envoy] of envoys.entries()) {
    const healthy = 'cluster.weir_ratelimit.membership_healthy'
    await until('both services are found', async () => (await envoy.stats(healthy))[healthy] === 2)
    await until('it serves', () => ask(ports[index]!).then(Boolean, () => false))
  }
})
after(async () => {
  for (const envoy of envoys ?? []) await envoy.stop()
  for (const weir of weirs ?? []) await weir.end()
  await upstream?.close()
  await valkey?.stop()
  await database?.drop()
})

const fixedWindow = {
  algorithm: 'fixed_window',
  limit,
  window: `${windowMs / 1_000}s`,
  key: [{ constant: 'all' }],
}

const agent = new Agent({ keepAlive: true, maxSockets: 2 * connections })

function ask(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: '/', agent }, (response) => {
      response
        .resume()
        .once('end', () => resolve(response.statusCode!))
        .once('error', reject)
    })
    request.once('error', reject)
  })
}

/** Asks again and again, as fast as it is answered. */
async function fullSpeed(port: number, until: number): Promise<number[]> {
  const statuses: number[] = []
  while (Date.now() < until) statuses.push(await ask(port))
  return statuses
}

test('two replicas behind two Envoys admit a limit exactly, window by window', async () => {
  const edge = (Math.floor(Date.now() / windowMs) + 1) * windowMs
  await delay(edge + 100 - Date.now())
  const before = upstream.seen.length
  const end = edge + windows * windowMs
  const clients = ports.flatMap((port) =>
    Array.from({ length: connections }, () => fullSpeed(port, end - marginMs)),
  )
  const statuses = (await Promise.all(clients)).flat()
  assert.ok(Date.now() < end, 'the last request was answered after the edge: the machine is too busy')
  assert.equal(upstream.seen.length - before, windows * limit)
  assert.equal(statuses.filter((status) => status === 200).length, windows * limit)
  assert.equal(statuses.filter((status) => status === 429).length, statuses.length - windows * limit)

  const asked = await Promise.all(weirs.map((weir) => weir.metric('weir_ratelimit_decisions_total')))
  for (const [index, weir] of weirs.entries()) {
    assert.ok(asked[index]! > statuses.length / 10, `replica ${index} decided ${asked[index]}`)
    const all = await weir.metric('weir_ratelimit_store_decisions_total')
    const exact = ['store', 'hot_key'].map((by) =>
      weir.metric('weir_ratelimit_store_decisions_total', { by }),
    )
    assert.equal(
      (await Promise.all(exact)).reduce((sum, count) => sum + count),
      all,
    )
  }
  for (const envoy of envoys) {
    const stats = await envoy.stats('cluster.a.ratelimit')
    assert.equal(stats['cluster.a.ratelimit.error'] ?? 0, 0)
    assert.equal(stats['cluster.a.ratelimit.failure_mode_allowed'] ?? 0, 0)
  }
})
