import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Agent, get } from 'node:http'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { countingTogether } from '../support/counting-together.ts'
import { cluster, gateway, route } from '../support/edge.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startValkey, type Valkey } from '../support/valkey.ts'
import { startWeir, type Weir } from '../support/weir.ts'

const [limit, windowMs, windows] = [10, 2_000, 2]
/** What is asked so long before an edge is decided before it, on a busy machine, too. */
const marginMs = 500
const attackers = 16
const honestKeys = 8
/** Four looks a second and one at each edge, of which each of the attackers waits for one at most; and as much again. */
const mostAsked = 2 * attackers * ((4 * (windows * windowMs)) / 1_000 + windows)
/** Store calls a second that one key may cost. */
const mostCalls = 100

let database: FreshDatabase
let valkey: Valkey
let client: Redis
let upstream: Upstream
let weir: Weir
let envoy: TestEnvoy
let port: number

before(async () => {
  database = await freshDatabase()
  valkey = await startValkey()
  client = new Redis({ host: '127.0.0.1', port: valkey.port })
  upstream = await startUpstream('a')
  weir = await startWeir({
    environment: {
      DATABASE_URL: database.url,
      REDIS_URL: `redis://127.0.0.1:${valkey.port}`,
      WEIR_SECRET_KEY: randomBytes(32).toString('base64'),
      // A busy machine answers later than a store should: nothing is to be decided without it here.
      WEIR_STORE_TIMEOUT: '1s',
    },
  })
  port = await freePort()
  await weir.apply(
    gateway(port, { rateLimitService: { timeout: '5s', onUnavailable: 'deny' } }),
    cluster('a', upstream),
    { kind: 'RateLimitPolicy', name: 'tenants', spec: policy },
    route('limited', '/', { rateLimits: ['tenants'] }),
  )
  envoy = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort })
  await countingTogether(weir, 1)
  await until('it serves', () => ask('nobody').then(Boolean, () => false))
})
after(async () => {
  agent.destroy()
  await envoy?.stop()
  await weir?.end()
  await upstream?.close()
  client?.disconnect()
  await valkey?.stop()
  await database?.drop()
})

const policy = {
  algorithm: 'fixed_window',
  limit,
  window: `${windowMs / 1_000}s`,
  key: [{ header: 'x-tenant' }],
}

const agent = new Agent({ keepAlive: true, maxSockets: attackers + honestKeys })

function ask(tenant: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-tenant': tenant }
    const request = get({ host: '127.0.0.1', port, path: '/', headers, agent }, (response) => {
      response
        .resume()
        .once('end', () => resolve(response.statusCode!))
        .once('error', reject)
    })
    request.once('error', reject)
  })
}

/** Asks again and again, as fast as it is answered. */
async function flood(until: number): Promise<number[]> {
  const statuses: number[] = []
  while (Date.now() < until) statuses.push(await ask('attacker'))
  return statuses
}

/** Half of the limit in each window, one request after the other. */
async function honest(tenant: string, edge: number): Promise<number[]> {
  const statuses: number[] = []
  for (let window = 0; window < windows; window++) {
    await delay(Math.max(0, edge + window * windowMs - Date.now()))
    for (let count = 0; count < limit / 2; count++) statuses.push(await ask(tenant))
  }
  return statuses
}

/** Scripts that Valkey ran. */
async function scriptCalls(): Promise<number> {
  return Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(await client.info('commandstats'))![1])
}

test('a flood of one key asks the store next to nothing, and honest keys feel nothing of it', async () => {
  const edge = (Math.floor(Date.now() / windowMs) + 1) * windowMs
  await delay(edge + 100 - Date.now())
  const waited = () => weir.metric('weir_ratelimit_store_seconds_count')
  const before = { calls: await scriptCalls(), waited: await waited(), seen: upstream.seen.length }
  const end = edge + windows * windowMs
  const [flooded, ...polite] = await Promise.all([
    Promise.all(Array.from({ length: attackers }, () => flood(end - marginMs))),
    ...Array.from({ length: honestKeys }, (_, index) => honest(`honest-${index}`, edge)),
  ])
  assert.ok(Date.now() < end, 'the last request was answered after the edge: the machine is too busy')
  const calls = (await scriptCalls()) - before.calls

  assert.deepEqual(new Set(polite.flat()), new Set([200]))
  const statuses = flooded.flat()
  assert.equal(statuses.filter((status) => status === 200).length, windows * limit)
  assert.equal(statuses.filter((status) => status === 429).length, statuses.length - windows * limit)
  const arrived = upstream.seen.slice(before.seen).map(({ headers }) => headers['x-tenant'])
  assert.equal(arrived.filter((tenant) => tenant === 'attacker').length, windows * limit)
  assert.equal(arrived.length, windows * limit + polite.flat().length)

  // Honest requests are a call each at most.
  const others = polite.flat().length
  const most = (mostCalls * windows * windowMs) / 1_000 + others
  assert.ok(calls < most, `${calls} calls for ${statuses.length} requests of the flood`)
  const asked = (await waited()) - before.waited - others
  assert.ok(asked < mostAsked, `${asked} of ${statuses.length} requests waited for the store`)
  const decisions = (labels?: { by: string }) => weir.metric('weir_ratelimit_store_decisions_total', labels)
  assert.equal((await decisions({ by: 'store' })) + (await decisions({ by: 'hot_key' })), await decisions())
})
