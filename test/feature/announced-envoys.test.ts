import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { type Forwarder, startForwarder } from '../support/forwarder.ts'
import { send } from '../support/http.ts'
import { startLoad } from '../support/load/load.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { type SmallWeir, startSmallWeir } from '../support/small-weir.ts'
import { status, tiers, until } from '../support/tiers.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

describe('Envoys that announce where they are', () => {
  const graceMs = 4_000
  let database: FreshDatabase
  let upstream: Upstream
  let weir: SmallWeir
  let setup: Awaited<ReturnType<typeof tiers>>
  let edge: TestEnvoy
  const internal = new Map<string, TestEnvoy>()
  const forwarders: Forwarder[] = []

  before(async () => {
    database = await freshDatabase()
    upstream = await startUpstream('orders')
    setup = await tiers(upstream)
    weir = await startSmallWeir({ url: database.url, graceMs })
    await weir.write(...setup.documents)
    // Both listen at one address, since equal Envoys have equal listeners; others reach each by its own.
    for (const address of ['127.0.0.2', '127.0.0.3']) {
      forwarders.push(await startForwarder(address, '127.0.0.1', setup.ports.internal))
    }
    edge = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort, id: 'edge-1' })
  })
  after(async () => {
    for (const envoy of [edge, ...internal.values()]) await envoy?.stop()
    await weir?.close()
    for (const forwarder of forwarders) await forwarder.close()
    await upstream?.close()
    await database?.drop()
  })

  async function join(id: string, address: string): Promise<void> {
    const { xdsPort } = weir
    internal.set(id, await startTestEnvoy({ gateway: 'internal', xdsPort, id, addresses: [address] }))
  }

  /** By address, how many requests the edge sent there. */
  async function sent(): Promise<Record<string, number>> {
    const { body } = await send(edge.adminPort, { path: '/clusters' })
    const found = body.matchAll(/^internal-gateway::([\d.]+):\d+::rq_total::(\d+)$/gm)
    return Object.fromEntries([...found].map(([, address, count]) => [address!, Number(count)]))
  }
  const addresses = async () => Object.keys(await sent()).sort()

  test('are used as they come, by no revision', async () => {
    assert.deepEqual(await addresses(), [])
    const revision = weir.revision()
    await join('internal-1', '127.0.0.2')
    await until(async () => (await addresses()).join() === '127.0.0.2')
    await join('internal-2', '127.0.0.3')
    await until(async () => (await addresses()).join() === '127.0.0.2,127.0.0.3')
    await until(async () => (await status(setup.ports.edge)) === 200)
    for (let index = 0; index < 10; index++) assert.equal(await status(setup.ports.edge), 200)
    for (const [address, count] of Object.entries(await sent())) assert.ok(count >= 5, address)
    assert.equal(weir.revision(), revision)
  })

  test('are given up when they were away for the grace, and not before', async () => {
    const left = performance.now()
    await internal.get('internal-2')!.stop()
    await until(() => weir.connected().join() === 'edge-1,internal-1')
    assert.deepEqual(await addresses(), ['127.0.0.2', '127.0.0.3'])
    await until(async () => (await addresses()).join() === '127.0.0.2')
    assert.ok(performance.now() - left >= graceMs)
    assert.equal(await status(setup.ports.edge), 200)
  })

  test('are the same for a weir that was just started, without any change and any failed request', async () => {
    const changes = async () => await edge.stats('cluster.internal-gateway.membership_change')
    const before = await changes()
    const load = await startLoad({ port: setup.ports.edge, path: '/', ratePerSecond: 200 })
    const { xdsPort } = weir
    await weir.close()
    weir = await startSmallWeir({ url: database.url, graceMs, xdsPort })
    const started = performance.now()
    await until(() => weir.connected().join() === 'edge-1,internal-1')
    // One that was known before and came back is not given up later either.
    await until(() => performance.now() - started > graceMs * 1.5)
    assert.deepEqual((await load.stop()).failures, [])
    assert.deepEqual(await changes(), before)
    assert.deepEqual(await addresses(), ['127.0.0.2'])
  })
})
