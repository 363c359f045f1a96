import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { cluster, route } from '../support/edge.ts'
import { startTestEnvoy } from '../support/envoy.ts'
import { send } from '../support/http.ts'
import { counts, sendMany } from '../support/many-requests.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { weir as run } from '../support/run-weir.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startWeir, type Weir } from '../support/weir.ts'

let database: FreshDatabase
let weir: Weir
let upstreams: Upstream[]
let port: number
const failing = new Set<string>()

before(async () => {
  const start = (name: string) =>
    startUpstream(name, (response, { url }) => {
      response.writeHead(url === '/healthz' && failing.has(name) ? 503 : 200, { 'content-length': 0 }).end()
    })
  ;[database, port, upstreams] = await Promise.all([
    freshDatabase(),
    freePort(),
    Promise.all(['a', 'b', 'c'].map(start)),
  ])
  weir = await startWeir({
    command: 'up',
    environment: { DATABASE_URL: database.url, WEIR_CONFIG: '' },
  })
  const gateway = (name: string, port: number) => {
    return { kind: 'Gateway', name, spec: { listeners: [{ name: 'http', port, protocol: 'http' }] } }
  }
  const healthCheck = { type: 'http', path: '/healthz', interval: '100ms' }
  const document = cluster('shop', upstreams, { healthCheck, loadBalancing: { panicThreshold: 50 } })
  await weir.apply(gateway('edge', port), document, route('all', '/', { forward: [{ cluster: 'shop' }] }))
})

after(async () => {
  await weir?.end()
  await database?.drop()
  await Promise.all((upstreams ?? []).map((upstream) => upstream.close()))
})

/** What the fleet view says of panic, by Envoy. */
async function panic(): Promise<Record<string, string[] | undefined>> {
  const { body } = await weir.api('GET', '/v1/fleet')
  return Object.fromEntries(body.items.map((item: { id: string; panic?: string[] }) => [item.id, item.panic]))
}

const ask = () => send(port, { path: '/' })

test('panicThreshold: panic is visible in the fleet view while it lasts', async () => {
  const calm = { 'edge-local': [] }
  assert.deepEqual(await panic(), calm)

  // Two of three are healthy: more than half.
  failing.add('a')
  await until('a is left alone', async () => {
    const found = counts(await sendMany(port, { count: 30, path: '/' }))
    return found.a === undefined
  })
  assert.deepEqual(await panic(), calm)

  failing.add('b')
  await until('there is panic', async () => {
    await ask()
    return (await panic())['edge-local']!.length > 0
  })
  assert.deepEqual(await panic(), { 'edge-local': ['shop'] })
  const found = counts(await sendMany(port, { count: 300, path: '/' }))
  assert.ok(found.a! > 0 && found.b! > 0 && found.c! > 0, 'failing endpoints get requests, too')
  const environment = { WEIR_URL: weir.url, WEIR_ADMIN_TOKEN: weir.token }
  const { stdout } = await run(['fleet'], { environment })
  assert.match(stdout, /^edge\/edge-local is in panic, failing endpoints get requests: shop$/m)
  // It is asked itself, once it has told anything at all.
  const health = async () => (await weir.api('GET', '/v1/clusters/shop/health')).body.envoys[0]
  await until('it has told', async () => (await health()).by !== undefined)
  const { by, endpoints, hosts } = await health()
  assert.equal(by, 'admin')
  const [a, b, c] = upstreams.map(({ port }) => `127.0.0.1:${port}`)
  const states = Object.fromEntries(
    endpoints.map(({ address, state }: { address: string; state: string }) => [address, state]),
  )
  assert.deepEqual(states, { [a!]: 'failed_health_check', [b!]: 'failed_health_check', [c!]: 'healthy' })
  assert.deepEqual([hosts.healthy, hosts.total], [1, 3])

  failing.clear()
  await until('it is over', async () => (await panic())['edge-local']!.length === 0)
})

test('what the overprovisioning factor of the cluster makes enough is no panic', async () => {
  const healthCheck = { type: 'http', path: '/healthz', interval: '100ms' }
  const asked = async (overprovisioningFactor: number) => {
    const loadBalancing = { panicThreshold: 90, overprovisioningFactor }
    await weir.apply(cluster('shop', upstreams, { healthCheck, loadBalancing }))
    return Object.keys(counts(await sendMany(port, { count: 30, path: '/' }))).length
  }
  // Two of three are healthy, which is 93% of what is needed by the usual factor, and more than all of it by 200.
  failing.add('a')
  await asked(200)
  await until('a is left alone', async () => (await asked(200)) === 2)
  await until('all get requests', async () => (await asked(140)) === 3)
  assert.deepEqual(await panic(), { 'edge-local': ['shop'] })
  await until('a is left alone again', async () => (await asked(200)) === 2)
  assert.deepEqual(await panic(), { 'edge-local': [] })
  failing.clear()
})

test('of an Envoy that weir does not run itself nothing is said', async (t) => {
  const foreign = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort, id: 'elsewhere' })
  t.after(foreign.stop)
  await until('it is connected', async () => Object.hasOwn(await panic(), 'elsewhere'))
  assert.deepEqual(await panic(), { 'edge-local': [], elsewhere: undefined })
})
