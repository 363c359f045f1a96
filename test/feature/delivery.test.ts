import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { FleetEvent } from '../../src/model/fleet-event.ts'
import type { EnvoyReceipt } from '../../src/model/receipt.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { type EventClient, readEvents } from '../support/event-client.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startWeir, type Weir } from '../support/weir.ts'

let database: FreshDatabase
let weir: Weir
let envoy: TestEnvoy
let port: number
let upstream: Upstream
/** Health checks that are not answered yet, and whether any is held. */
let holding = true
let held: ServerResponse[] = []
const clients: EventClient[] = []

const gateway = (...more: object[]) => ({
  kind: 'Gateway',
  name: 'edge',
  spec: { listeners: [{ name: 'http', port, protocol: 'http' }, ...more] },
})
const route = (name: string, to: string, path = `/${name}`) => ({
  kind: 'Route',
  name,
  spec: { gateways: ['edge'], match: { path: { prefix: path } }, forward: [{ cluster: to }] },
})
/** A new cluster with this is warm once its first check is answered. */
const checked = (name: string) => ({
  kind: 'Cluster',
  name,
  spec: {
    endpoints: [{ address: '127.0.0.1', port: upstream.port }],
    healthCheck: { type: 'http', path: '/health', interval: '30s', timeout: '25s' },
  },
})
const plain = (name: string) => ({
  kind: 'Cluster',
  name,
  spec: { endpoints: [{ address: '127.0.0.1', port: upstream.port }] },
})

before(async () => {
  database = await freshDatabase()
  port = await freePort()
  upstream = await startUpstream('main', (response, { url }) => {
    if (url === '/health' && holding) held.push(response)
    else response.end('main')
  })
  weir = await startWeir({ environment: { DATABASE_URL: database.url } })
  await weir.apply(gateway(), plain('main'), route('all', 'main', '/'))
  envoy = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort, id: 'edge-1' })
  await isServed(await write(plain('second')))
})

after(async () => {
  for (const client of clients) client.close()
  await envoy?.stop()
  await weir?.end()
  await upstream?.close()
  await database?.drop()
})

async function follow(query = ''): Promise<EventClient> {
  const client = await readEvents(weir, query)
  clients.push(client)
  return client
}

async function passChecks() {
  await until('a check is there', () => held.length > 0)
  for (const response of held) response.end()
  held = []
}

async function write(...documents: object[]): Promise<number> {
  return (await weir.api('POST', '/v1/apply', documents)).body.revision
}

async function delivery(revision: number, query = '') {
  const { status, headers, body } = await weir.api('GET', `/v1/revisions/${revision}/delivery${query}`)
  return { status, headers, ...body, envoy: body.envoys?.find(({ id }: EnvoyReceipt) => id === 'edge-1') }
}

/** Resolves once the Envoy is there and has what there is. */
async function isServed(revision: number) {
  await until(
    'the Envoy is served',
    async () => (await delivery(revision, '?gateways=edge')).envoy?.state === 'acked',
  )
}

const is =
  (type: FleetEvent['type'], revision?: number) =>
  (event: FleetEvent): boolean =>
    event.type === type && (revision === undefined || ('revision' in event && event.revision === revision))

describe('what becomes of a write', () => {
  test('is seen live: written, sent and acknowledged, in this order; the receipt has the times', async () => {
    const client = await follow('?gateway=edge&types=revision,sent,acked')
    const revision = await write(route('first', 'main'))
    await client.event(is('acked', revision))
    const told = client.events.map((event) => [event.type, 'revision' in event && event.revision])
    assert.deepEqual(told, [
      ['revision', revision],
      ['sent', revision],
      ['acked', revision],
    ])
    const { state, envoy: receipt } = await delivery(revision)
    assert.equal(state, 'acked')
    assert.equal(receipt.state, 'acked')
    assert.ok(receipt.sentAt <= receipt.ackedAt, JSON.stringify(receipt))
    const [, sent, acked] = client.events
    assert.deepEqual([receipt.sentAt, receipt.ackedAt], [sent!.at, acked!.at])
  })

  test('a write that has nothing for an Envoy is acknowledged by it without times', async () => {
    const { revision } = (await weir.apply({ kind: 'Consumer', name: 'unused', spec: {} })).body
    const concerned = await delivery(revision, '?gateways=edge')
    assert.deepEqual([concerned.state, concerned.envoy.state], ['acked', 'acked'])
    assert.deepEqual([concerned.envoy.sentAt, concerned.envoy.ackedAt], [undefined, undefined])
  })

  test('an unknown revision is 404', async () => {
    assert.equal((await delivery(99_999)).status, 404)
    assert.equal((await delivery(0)).status, 404)
  })

  test('a cluster that warms is named, live and in the receipt, until it is warm', async () => {
    const client = await follow()
    const revision = await write(checked('slow'), route('slow', 'slow'))
    const warming = await client.event(is('warming', revision))
    assert.deepEqual(warming.type === 'warming' && warming.clusters, ['slow'])
    const { state, envoy: receipt } = await delivery(revision, '?wait=acked&timeout=100ms')
    assert.deepEqual([state, receipt.state, receipt.warming], ['pending', 'warming', ['slow']])
    assert.equal(receipt.warmingSince, warming.at)
    await passChecks()
    const after = await delivery(revision, '?wait=acked&timeout=30s')
    assert.deepEqual([after.state, after.envoy.state, after.envoy.warming], ['acked', 'acked', undefined])
    assert.ok(after.envoy.ackedAt > receipt.warmingSince)
  })

  test('a revision that a later one overtakes is superseded by it', async () => {
    const client = await follow()
    const first = await write(checked('slow-too'), route('slow-too', 'slow-too'))
    await client.event(is('warming', first))
    const second = await write(route('late', 'main'))
    await client.event(is('superseded', first))
    const third = await write(route('later', 'main'))
    await client.event(is('superseded', second))
    await passChecks()
    assert.equal((await delivery(third, '?wait=acked&timeout=30s')).state, 'acked')
    for (const revision of [first, second]) {
      const { state, envoy: receipt } = await delivery(revision)
      assert.deepEqual([state, receipt.state, receipt.by], ['acked', 'superseded', third])
    }
  })

  test('what an Envoy refuses is told with the reason, the resource and the row', async (context) => {
    const stranger = createServer()
    const taken = await freePort()
    await new Promise<void>((resolve) => stranger.listen(taken, '127.0.0.1', resolve))
    context.after(() => stranger.close())
    const client = await follow('?types=nacked')
    const revision = await write(gateway({ name: 'other', port: taken, protocol: 'http' }))
    const event = await client.event(is('nacked', revision))
    const { state, envoy: receipt } = await delivery(revision, '?wait=acked&timeout=30s')
    assert.deepEqual([state, receipt.state], ['nacked', 'nacked'])
    assert.ok(receipt.nackedAt >= event.at)
    for (const nacks of [event.type === 'nacked' && event.nacks, receipt.nacks]) {
      assert.equal(nacks.length, 1)
      assert.match(nacks[0].error, /in use/)
      const { type, resource, rows } = nacks[0]
      assert.deepEqual([type, resource], ['listener', `edge/other@127.0.0.1:${taken}`])
      assert.deepEqual(rows, [{ kind: 'Gateway', name: 'edge' }])
    }
    const mended = await write(gateway())
    assert.equal((await delivery(mended, '?wait=acked&timeout=30s')).state, 'acked')
    // Overtaken, where it was just being tried again for who waited.
    assert.match((await delivery(revision)).envoy.state, /^(nacked|superseded)$/)
  })

  test('an Envoy that leaves half-way is not connected; what it had it had', async () => {
    const before = await write(route('before', 'main'))
    assert.equal((await delivery(before, '?wait=acked&timeout=30s')).state, 'acked')
    const client = await follow()
    const revision = await write(checked('never'), route('never', 'never'))
    await client.event(is('warming', revision))
    await envoy.stop()
    await client.event(is('disconnected'))
    const { state, envoy: receipt } = await delivery(revision)
    assert.deepEqual([state, receipt.state], ['none', 'not_connected'])
    assert.ok(receipt.sentAt <= receipt.disconnectedAt)
    assert.equal((await delivery(before)).envoy.state, 'acked')
    const write2 = await weir.api('POST', '/v1/apply?wait=acked&timeout=5s', [route('meanwhile', 'main')])
    assert.deepEqual([write2.status, write2.body.delivery.state], [200, 'none'])
    holding = false
    envoy = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort, id: 'edge-1' })
    await client.event(is('connected'))
    const back = await delivery(write2.body.revision, '?wait=acked&timeout=30s')
    assert.deepEqual([back.state, back.envoy.state], ['acked', 'acked'])
  })

  test('weir-event-id: whoever reads on from a receipt misses nothing', async () => {
    const revision = await write(route('followed', 'main'))
    const { headers } = await delivery(revision)
    const next = await write(route('followed', 'second'))
    assert.equal((await delivery(next, '?wait=acked&timeout=30s')).state, 'acked')
    const client = await readEvents(weir, '?types=sent,acked', headers.get('weir-event-id'))
    clients.push(client)
    await client.event(is('acked', next))
    assert.equal(client.events.filter(is('sent', next)).length, 1)
  })

  test('of what was before its start a weir tells what it knows', async () => {
    const [client] = clients
    const newest = await write(route('last', 'main'))
    assert.equal((await delivery(newest, '?wait=acked&timeout=30s')).state, 'acked')
    await weir.end()
    await client!.ended
    assert.equal(client!.comments.at(-1), 'this weir is stopping; connect again')
    // At the same doors, so that there is nothing to send.
    const { xdsPort, rlsPort } = weir
    const addresses = { WEIR_XDS_ADDR: `127.0.0.1:${xdsPort}`, WEIR_RLS_ADDR: `127.0.0.1:${rlsPort}` }
    const doors = { ...addresses, DATABASE_URL: database.url }
    weir = await startWeir({ environment: doors })
    await isServed(newest)
    const { state, envoy: receipt } = await delivery(newest)
    assert.deepEqual([state, receipt.state], ['acked', 'acked'])
    const { envoy: before } = await delivery(newest - 1)
    assert.deepEqual([before.state, before.by], ['superseded', newest])
  })
})
