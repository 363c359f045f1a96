import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { type Door, openDoor } from '../support/door.ts'
import { cluster, route } from '../support/edge.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { send } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { type SeveralReplicas, startSeveralReplicas } from '../support/several-replicas.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import type { Answer, Weir } from '../support/weir.ts'

let database: FreshDatabase
/** To the database, for the second replica; and for an Envoy to the one or the other replica. */
let doors: { database: Door; xds: Door }
let upstream: Upstream
let replicas: SeveralReplicas
let here: Weir
let there: Weir
let port: number
let envoys: TestEnvoy[]

before(async () => {
  database = await freshDatabase()
  const toDatabase = await openDoor(database.url)
  upstream = await startUpstream('a')
  port = await freePort()
  replicas = await startSeveralReplicas([database.url, toDatabase.url])
  ;[here, there] = replicas.weirs as [Weir, Weir]
  doors = { database: toDatabase, xds: await openDoor(`tcp://127.0.0.1:${there.xdsPort}`) }
  await here.apply(gateway(), cluster('a', upstream), route('all', '/'))
  const ports = [here.xdsPort, Number(new URL(doors.xds.url).port)]
  envoys = await Promise.all(
    ports.map((xdsPort, index) => startTestEnvoy({ gateway: 'edge', id: `edge-${index}`, xdsPort })),
  )
  for (const weir of [here, there])
    await until('both are connected', async () => (await fleet(weir)).length === 2)
})
after(async () => {
  for (const envoy of envoys ?? []) await envoy.stop()
  await replicas?.stop()
  for (const door of Object.values(doors ?? {})) await door.shut()
  await upstream?.close()
  await database?.drop()
})

const gateway = (...more: { name: string; port: number }[]) => ({
  kind: 'Gateway',
  name: 'edge',
  spec: { listeners: [{ name: 'http', port }, ...more].map((each) => ({ ...each, protocol: 'http' })) },
})

interface Shown {
  id: string
  state: string
  replica: string
}

/** The Envoys that are connected, as a replica tells. */
async function fleet(weir: Weir): Promise<Shown[]> {
  const items: Shown[] = (await weir.api('GET', '/v1/fleet')).body.items
  return items.filter(({ state }) => state === 'connected')
}

/** By Envoy, what a receipt says; fails unless it names the right replicas. */
function delivered({ body }: Answer): Record<string, string> {
  const { envoys } = body.delivery as { envoys: Shown[] }
  for (const { id, replica } of envoys) {
    if (!id.startsWith('edge-0')) assert.match(replica, replicas.nameOf(1))
    else assert.match(replica, replicas.nameOf(0))
  }
  return Object.fromEntries(envoys.map(({ id, state }) => [id, state]))
}

const write = (weir: Weir, name: string, timeout = '30s') =>
  weir.api('PUT', `/v1/routes/${name}?wait=acked&timeout=${timeout}`, route(name, `/${name}`))

const has = async (envoy: TestEnvoy, name: string) =>
  JSON.stringify(await envoy.configDump()).includes(`"name":"${name}"`)

test('a write on either replica waits for the Envoys of both, and names each with its replica', async () => {
  for (const [index, weir] of [here, there, here, there].entries()) {
    const answer = await write(weir, `written-${index}`)
    assert.equal(answer.status, 200)
    assert.deepEqual(delivered(answer), { 'edge-0': 'acked', 'edge-1': 'acked' })
    for (const envoy of envoys) assert.ok(await has(envoy, `written-${index}`))
  }
})

test('each replica shows the whole fleet, and what an Envoy elsewhere is served', async () => {
  await until('both replicas say the same', async () => {
    const [one, other] = await Promise.all([fleet(here), fleet(there)])
    return isDeepStrictEqual(one, other)
  })
  const [first, second] = await fleet(here)
  assert.match(first!.replica, replicas.nameOf(0))
  assert.match(second!.replica, replicas.nameOf(1))
  const [own, foreign] = await Promise.all(
    [there, here].map((weir) => weir.api('GET', '/v1/fleet/edge-1/config')),
  )
  assert.equal(foreign!.status, 200)
  assert.deepEqual(foreign!.body, own!.body)
  assert.match(foreign!.body.replica, replicas.nameOf(1))
  assert.equal(await here.metric('weir_xds_connected_envoys'), 1)
})

test('what all refuse is told by the replica that is asked, and tried again everywhere once it is mended', async () => {
  const stranger = createServer().listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  const { port: taken } = stranger.address() as { port: number }
  const documents = [gateway({ name: 'other', port: taken })]
  const path = '/v1/apply?wait=acked&timeout=30s'
  const refused = await here.api('POST', path, documents)
  assert.equal(refused.body.delivery.state, 'nacked', JSON.stringify(refused.body))
  assert.deepEqual(delivered(refused), { 'edge-0': 'nacked', 'edge-1': 'nacked' })
  for (const { nacks } of refused.body.delivery.envoys) {
    assert.match(nacks[0].error, /in use/)
    assert.deepEqual(nacks[0].rows, [{ kind: 'Gateway', name: 'edge' }])
  }
  await new Promise((resolve) => stranger.close(resolve))
  const mended = await here.api('POST', path, documents)
  assert.equal(mended.body.revision, refused.body.revision)
  assert.deepEqual(delivered(mended), { 'edge-0': 'acked', 'edge-1': 'acked' })
  await here.apply(gateway())
})

test('a replica that is cut off from the database serves on, is named as behind, and is current once it is back', async () => {
  await doors.database.shut()
  const behind = await write(here, 'partitioned', '300ms')
  assert.equal(behind.status, 202)
  assert.deepEqual(delivered(behind), { 'edge-0': 'acked', 'edge-1': 'pending' })
  assert.equal((await write(there, 'refused')).status, 503)
  assert.equal((await send(port, { path: '/' })).status, 200)
  assert.equal((await fetch(`${there.url}/readyz`)).status, 200)
  assert.deepEqual(
    (await fleet(there)).map(({ id }) => id),
    ['edge-0', 'edge-1'],
  )
  // By then its Envoys are unknown here; they are named, and not waited for.
  const without = await write(here, 'without', '60s')
  assert.equal(without.body.delivery.state, 'acked')
  assert.deepEqual(delivered(without), { 'edge-0': 'acked', 'edge-1': 'unknown' })
  assert.ok(!(await has(envoys[1]!, 'without')))
  await doors.database.open()
  await until('edge-1 has what was written meanwhile', () => has(envoys[1]!, 'without'))
  await until('its replica is heard again', async () => (await fleet(here)).length === 2)
  assert.deepEqual(delivered(await write(here, 'healed')), { 'edge-0': 'acked', 'edge-1': 'acked' })
})

test('one that the database does not answer is behind as well, and current once it does', async () => {
  doors.database.freeze()
  const behind = await write(here, 'unanswered', '300ms')
  assert.equal(behind.status, 202)
  assert.deepEqual(delivered(behind), { 'edge-0': 'acked', 'edge-1': 'pending' })
  assert.equal((await send(port, { path: '/' })).status, 200)
  doors.database.thaw()
  await until('edge-1 has what was written meanwhile', () => has(envoys[1]!, 'unanswered'))
  assert.deepEqual(delivered(await write(there, 'answered')), { 'edge-0': 'acked', 'edge-1': 'acked' })
})

test('an Envoy that moves is sent nothing that it has, and what was written meanwhile once', async () => {
  const sent = () => here.metric('weir_xds_resources_sent_total')
  const arrived = async () => {
    await until('edge-1 has moved', async () => {
      const [, moved] = await fleet(here)
      return moved !== undefined && replicas.nameOf(0).test(moved.replica)
    })
    const { body } = await here.api('PUT', '/v1/routes/all?wait=acked&timeout=30s', route('all', '/'))
    assert.equal(body.delivery.state, 'acked', JSON.stringify(body))
  }
  await write(there, 'before')
  const before = await sent()
  doors.xds.turn(`tcp://127.0.0.1:${here.xdsPort}`)
  await arrived()
  assert.equal(await sent(), before)

  doors.xds.turn(`tcp://127.0.0.1:${there.xdsPort}`)
  await until('edge-1 is back', async () => {
    const [, back] = await fleet(there)
    return back !== undefined && replicas.nameOf(1).test(back.replica)
  })
  await doors.xds.shut()
  await until('edge-1 is away', async () => (await fleet(here)).length === 1)
  await write(here, 'meanwhile')
  const after = await sent()
  doors.xds.turn(`tcp://127.0.0.1:${here.xdsPort}`)
  await doors.xds.open()
  await arrived()
  // The routes of the listener.
  assert.equal((await sent()) - after, 1)
  assert.ok(await has(envoys[1]!, 'meanwhile'))
})
