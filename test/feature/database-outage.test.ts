import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Door, openDoor } from '../support/door.ts'
import { cluster, gateway, route } from '../support/edge.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { send } from '../support/http.ts'
import { startLoad } from '../support/load/load.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { type SeveralReplicas, startSeveralReplicas } from '../support/several-replicas.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

/** WEIR_LONG=1 has the database away for a minute. */
const isLong = process.env.WEIR_LONG === '1'
const awayMs = isLong ? 60_000 : 3_000

let database: FreshDatabase
let door: Door
let upstream: Upstream
let replicas: SeveralReplicas
let ports: { steady: number; restarted: number }
let steady: TestEnvoy
let restarted: TestEnvoy

before(async () => {
  database = await freshDatabase()
  door = await openDoor(database.url)
  upstream = await startUpstream('a')
  ports = { steady: await freePort(), restarted: await freePort() }
  replicas = await startSeveralReplicas([door.url, door.url])
  const policy = { algorithm: 'fixed_window', limit: 1_000_000, window: '1h', key: [{ client_ip: true }] }
  await replicas.weirs[0]!.apply(
    ...Object.entries(ports).map(([name, port]) =>
      gateway(port, { rateLimitService: { timeout: '2s' } }, name),
    ),
    cluster('a', upstream),
    { kind: 'RateLimitPolicy', name: 'many', spec: policy },
    onBoth('all', '/'),
    onBoth('limited', '/limited', { rateLimits: ['many'] }),
  )
  steady = await startMember('steady', 0)
  restarted = await startMember('restarted', 1)
  for (const port of Object.values(ports))
    await until(`${port} serves`, async () => (await status(port)) === 200)
})
after(async () => {
  for (const envoy of [steady, restarted]) await envoy?.stop()
  await replicas?.stop()
  await upstream?.close()
  await door?.shut()
  await database?.drop()
})

const onBoth = (name: string, path: string, more: object = {}) =>
  route(name, path, { gateways: ['steady', 'restarted'], ...more })

function startMember(gateway: string, at: number): Promise<TestEnvoy> {
  const [xdsPort, other] = [replicas.xdsPorts[at]!, replicas.xdsPorts[1 - at]!]
  return startTestEnvoy({ gateway, id: `${gateway}-1`, xdsPort, moreXdsPorts: [other] })
}

const status = (port: number, path = '/') =>
  send(port, { path }).then(
    (answer) => answer.status,
    () => undefined,
  )

const write = (index: number, name: string) =>
  replicas.weirs[index]!.api('PUT', `/v1/routes/${name}?wait=acked&timeout=30s`, onBoth(name, `/${name}`))

test('the database is away for a while: all is served, to an Envoy that starts meanwhile too, and all is in order afterwards', async (t: TestContext) => {
  const { revision } = (await write(0, 'before')).body
  const loads = await Promise.all(
    ['/', '/limited'].map((path) =>
      startLoad({ port: ports.steady, path, ratePerSecond: isLong ? 100 : 50 }),
    ),
  )
  await door.shut()
  const shut = performance.now()
  for (const index of [0, 1]) {
    const refused = await write(index, 'refused')
    assert.equal(refused.status, 503)
    assert.match(refused.headers.get('content-type')!, /^application\/problem\+json/)
    assert.ok(Number(refused.headers.get('retry-after')) >= 1)
  }
  await restarted.stop()
  restarted = await startMember('restarted', 1)
  for (const path of ['/', '/before', '/limited']) {
    await until(`${path} is served anew`, async () => (await status(ports.restarted, path)) === 200)
  }
  await delay(Math.max(0, awayMs - (performance.now() - shut)))
  for (const index of [0, 1]) {
    assert.equal((await write(index, 'refused')).status, 503)
    assert.equal((await fetch(`${replicas.weirs[index]!.url}/readyz`)).status, 200)
  }
  assert.equal(await status(ports.restarted), 200)
  await door.open()
  const opened = performance.now()
  await until('the database is found again', async () => {
    return (await replicas.weirs[0]!.api('GET', '/v1/revisions')).status === 200
  })
  // An Envoy on a busy machine may be about to change its replica.
  for (const weir of replicas.weirs) {
    await until('both are connected', async () => {
      const { items } = (await weir.api('GET', '/v1/fleet')).body
      return items.length === 2 && items.every(({ state }: { state: string }) => state === 'connected')
    })
  }
  for (const index of [0, 1]) {
    let answer = await write(index, `after-${index}`)
    // The first answer may be that a connection broke which was made before.
    if (answer.status === 503) answer = await write(index, `after-${index}`)
    assert.equal(answer.body.delivery.state, 'acked', JSON.stringify(answer.body))
    assert.equal(answer.body.revision, revision + 1 + index)
    const ids = answer.body.delivery.envoys.map(({ id }: { id: string }) => id).sort()
    assert.deepEqual(ids, ['restarted-1', 'steady-1'])
    t.diagnostic(
      `acknowledged by all ${Math.round(performance.now() - opened)} ms after the database was back`,
    )
    for (const port of Object.values(ports)) assert.equal(await status(port, `/after-${index}`), 200)
  }
  for (const weir of replicas.weirs) {
    await until('the fleet is current', async () => {
      const { items } = (await weir.api('GET', '/v1/fleet')).body
      type Shown = { state: string; types: Record<string, { revision: number }> }
      const isCurrent = ({ state, types }: Shown) =>
        state === 'connected' && types.route?.revision === revision + 2
      return items.length === 2 && items.every(isCurrent)
    })
    assert.equal((await weir.api('GET', '/v1/routes/refused')).status, 404)
  }
  for (const load of loads) {
    const { sent, statuses, failures } = await load.stop()
    assert.deepEqual(failures, [])
    assert.deepEqual(statuses, { 200: sent })
    t.diagnostic(`${sent} requests in ${Math.round((performance.now() - shut) / 1000)} s, none failed`)
  }
})
