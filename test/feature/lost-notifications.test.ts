import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { cluster, route } from '../support/edge.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { send } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase, withClient } from '../support/postgres.ts'
import { type SeveralReplicas, startSeveralReplicas } from '../support/several-replicas.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let database: FreshDatabase
let upstream: Upstream
let replicas: SeveralReplicas
let ports: { edge: number; internal: number }
const envoys: TestEnvoy[] = []

before(async () => {
  database = await freshDatabase()
  await dropNotifications(database.url)
  upstream = await startUpstream('a')
  ports = { edge: await freePort(), internal: await freePort() }
  replicas = await startSeveralReplicas([database.url, database.url])
  const gateways = (['edge', 'internal'] as const).map((name) => ({
    kind: 'Gateway',
    name,
    spec: { listeners: [{ name: 'http', port: ports[name], protocol: 'http' }] },
  }))
  await replicas.weirs[0]!.apply(
    ...gateways,
    cluster('a', upstream),
    { kind: 'Cluster', name: 'behind', spec: { gateway: { name: 'internal', listener: 'http' } } },
    route('all', '/', { forward: [{ cluster: 'behind' }] }),
    route('behind', '/', { gateways: ['internal'] }),
  )
  const [xdsPort] = replicas.xdsPorts
  envoys.push(await startTestEnvoy({ gateway: 'edge', id: 'edge-1', xdsPort: xdsPort! }))
})
after(async () => {
  for (const envoy of envoys) await envoy.stop()
  await replicas?.stop()
  await upstream?.close()
  await database?.drop()
})

/** Whoever calls `pg_notify` in this database tells nobody: what is found first in the path takes the place of PostgreSQL's. */
async function dropNotifications(url: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(`create function public.pg_notify(text, text) returns void language sql as 'select'`)
    const name = new URL(url).pathname.slice(1)
    await client.query(`alter database ${name} set search_path = public, pg_catalog`)
  })
}

test('notifications are lost here', async () => {
  await withClient(database.url, async (client) => {
    let heard = 0
    client.on('notification', () => heard++)
    await client.query('listen weir_revision')
    await client.query(`select pg_notify('weir_revision', '1')`)
    await client.query('select')
    assert.equal(heard, 0)
  })
})

test('an Envoy that joins one replica is forwarded to by one of the other, whose address it announced', async () => {
  const xdsPort = replicas.xdsPorts[1]!
  envoys.push(await startTestEnvoy({ gateway: 'internal', id: 'internal-1', xdsPort }))
  await until('requests pass both', async () => (await send(ports.edge, { path: '/' })).status === 200)
})

test('a write waits for the Envoys and the rate-limit service of the other replica, and reaches them', async () => {
  for (let turn = 0; turn < 4; turn++) {
    const name = `written-${turn}`
    const document = route(name, `/${name}`, {
      gateways: ['edge', 'internal'],
      respond: { status: 200, body: name },
    })
    const path = `/v1/routes/${name}?wait=acked&timeout=30s`
    const { body } = await replicas.weirs[turn % 2]!.api('PUT', path, document)
    assert.equal(body.delivery.state, 'acked', JSON.stringify(body))
    const { envoys, replicas: services } = body.delivery as Record<
      string,
      { state: string; revision: number }[]
    >
    assert.deepEqual(
      envoys!.map(({ state }) => state),
      ['acked', 'acked'],
    )
    assert.equal(services!.length, 2)
    for (const { revision } of services!) assert.ok(revision >= body.revision)
    for (const port of Object.values(ports)) assert.equal((await send(port, { path: `/${name}` })).body, name)
  }
})
