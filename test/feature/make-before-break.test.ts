import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { send } from '../support/http.ts'
import { startLoad } from '../support/load/load.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startWeir, type Weir } from '../support/weir.ts'

const rate = 500
const renames = 10
const edits = 100

let database: FreshDatabase
let weir: Weir
let upstreams: Upstream[]

before(async () => {
  database = await freshDatabase()
  // Not at once, so that requests are under way in whatever is taken away.
  const slow = (name: string) =>
    startUpstream(name, (response) => void setTimeout(() => response.end(name), 20))
  upstreams = [await slow('first'), await slow('second')]
  weir = await startWeir({ environment: { DATABASE_URL: database.url } })
})

after(async () => {
  await weir?.end()
  for (const upstream of upstreams ?? []) await upstream.close()
  await database?.drop()
})

const gateway = (port: number) => ({
  kind: 'Gateway',
  name: 'edge',
  spec: { listeners: [{ name: 'http', port, protocol: 'http' }] },
})
/** Two listeners, and what each of them answers. */
const twoListeners = (ports: Record<string, number>) => [
  {
    kind: 'Gateway',
    name: 'edge',
    spec: { listeners: Object.entries(ports).map(([name, port]) => ({ name, port, protocol: 'http' })) },
  },
  ...Object.keys(ports).map((name) => ({
    kind: 'Route',
    name,
    spec: {
      gateways: [`edge/${name}`],
      match: { path: { prefix: '/' } },
      respond: { status: 200, body: name },
    },
  })),
]
const cluster = (name: string, { port }: Upstream) => ({
  kind: 'Cluster',
  name,
  spec: { endpoints: [{ address: '127.0.0.1', port }] },
})
const route = (to: string, more: object = {}) => ({
  kind: 'Route',
  name: 'all',
  spec: { gateways: ['edge'], match: { path: { prefix: '/' } }, forward: [{ cluster: to }], ...more },
})

/** Makes these the only objects; resolves once Envoy has just that. */
async function replace(...documents: object[]): Promise<void> {
  const { body } = await weir.api('POST', '/v1/apply?prune=true&wait=acked&timeout=30s', documents)
  assert.equal(body.delivery?.state, 'acked', JSON.stringify(body))
}

/** Works while requests come, from before its beginning to after its end; each must be answered with 200. */
async function underLoad(port: number, work: () => Promise<void>): Promise<void> {
  const arrived = () => upstreams.reduce((sum, { seen }) => sum + seen.length, 0)
  const some = async (wanted = arrived() + rate / 5) => until('requests arrive', () => arrived() >= wanted)
  const load = await startLoad({ port, path: '/', ratePerSecond: rate })
  const started = performance.now()
  await some()
  await work()
  await some()
  const seconds = (performance.now() - started) / 1_000
  const { ok, failures } = await load.stop()
  assert.deepEqual(failures, [])
  assert.ok(ok >= seconds * rate * 0.5, `${ok} in ${seconds} s`)
}

for (const protocol of ['delta', 'sotw'] as const) {
  describe(`under ${rate} requests a second, over ${protocol}`, () => {
    let envoy: TestEnvoy
    let port: number

    before(async () => {
      port = await freePort()
      const first = [gateway(port), cluster('a-0', upstreams[0]!), route('a-0')]
      await weir.api('POST', '/v1/apply?prune=true', first)
      envoy = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort, id: protocol, protocol })
      await weir.apply(...first)
      // Envoy acknowledges a listener and its routes a moment before its workers accept connections.
      await until('the listener accepts', () =>
        send(port, { path: '/' }).then(
          ({ status }) => status === 200,
          () => false,
        ),
      )
    })
    after(() => envoy?.stop())

    test('a cluster that is renamed together with its route costs no request', async () => {
      await underLoad(port, async () => {
        for (let number = 1; number <= renames; number++) {
          const upstream = upstreams[number % 2]!
          const seen = upstream.seen.length
          await replace(gateway(port), cluster(`a-${number}`, upstream), route(`a-${number}`))
          await upstream.seenCount(seen + 20)
        }
      })
      const { items } = (await weir.api('GET', '/v1/clusters')).body
      assert.deepEqual(
        items.map(({ name }: { name: string }) => name),
        [`a-${renames}`],
      )
      // Besides it, those of weir's own two services.
      const stats = await envoy.stats('^cluster_manager.active_clusters$')
      assert.deepEqual(stats, { 'cluster_manager.active_clusters': 3 })
    })

    test(`${edits} edits of a route cost no request and touch no listener`, async () => {
      const listeners = () => envoy.stats('^listener_manager.(listener_|total_listeners_)')
      const before = await listeners()
      await underLoad(port, async () => {
        for (let number = 1; number <= edits; number++) {
          const headers = { response: { set: { 'x-edit': String(number) } } }
          await weir.apply(route(`a-${renames}`, { headers }))
        }
        const { headers } = await fetch(`http://127.0.0.1:${port}/`)
        assert.equal(headers.get('x-edit'), String(edits))
      })
      assert.equal(before['listener_manager.listener_added'], 1)
      assert.equal(before['listener_manager.total_listeners_draining'], 0)
      assert.deepEqual(await listeners(), before)
    })

    test('listeners change ports with each other, get new names, and move on', async () => {
      const [one, two, three] = [await freePort(), await freePort(), await freePort()]
      const answer = async (port: number) => (await send(port, { path: '/' })).body
      await replace(...twoListeners({ a: one, b: two }))
      assert.deepEqual([await answer(one), await answer(two)], ['a', 'b'])
      await replace(...twoListeners({ a: two, b: one }))
      assert.deepEqual([await answer(one), await answer(two)], ['b', 'a'])
      await replace(...twoListeners({ a: three, b: two }))
      assert.deepEqual([await answer(two), await answer(three)], ['b', 'a'])
      await replace(...twoListeners({ c: three, b: two }))
      assert.deepEqual([await answer(two), await answer(three)], ['b', 'c'])
    })
  })
}
