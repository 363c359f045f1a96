import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ClusterHealth, EnvoyHealth, FleetHealth } from '../../src/model/cluster-health.ts'
import { cluster, route } from '../support/edge.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { type EventClient, readEvents } from '../support/event-client.ts'
import { send } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { weir as run } from '../support/run-weir.ts'
import { type SeveralReplicas, startSeveralReplicas } from '../support/several-replicas.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import type { Weir } from '../support/weir.ts'

let database: FreshDatabase
let replicas: SeveralReplicas
let upstreams: Upstream[]
let envoys: TestEnvoy[] = []
let port: number
let events: EventClient[]
/** Upstreams whose health check fails, and whose requests do. */
const failing = new Set<string>()

before(async () => {
  const start = (name: string) =>
    startUpstream(name, (response, { url }) => {
      const fails = failing.has(url === '/healthz' ? `${name} check` : `${name} requests`)
      response.writeHead(fails ? 503 : 200, { 'content-length': 0 }).end()
    })
  ;[database, port, upstreams] = await Promise.all([
    freshDatabase(),
    freePort(),
    Promise.all(['a', 'b', 'c', 'd'].map(start)),
  ])
  replicas = await startSeveralReplicas([database.url, database.url])
  events = await Promise.all(replicas.weirs.map((weir) => readEvents(weir, '?types=cluster_health')))
})

after(async () => {
  for (const client of events ?? []) client.close()
  for (const envoy of envoys) process.kill(envoy.pid, 'SIGCONT')
  await Promise.all(envoys.map((envoy) => envoy.stop()))
  await replicas?.stop()
  await Promise.all((upstreams ?? []).map((upstream) => upstream.close()))
  await database?.drop()
})

const first = () => replicas.weirs[0]!
const address = (index: number) => `127.0.0.1:${upstreams[index]!.port}`

async function health(weir: Weir, name = 'shop.v1'): Promise<ClusterHealth> {
  const { status, body } = await weir.api('GET', `/v1/clusters/${name}/health`)
  assert.equal(status, 200)
  return body
}

/** What one Envoy sees, as a test compares it. */
function seen({ id, state, hosts, panic, endpoints = [] }: EnvoyHealth) {
  const states = Object.fromEntries(endpoints.map((each) => [each.address, each.state]))
  return {
    id,
    state,
    healthy: hosts?.healthy,
    panic,
    endpoints: upstreams.map((_, index) => states[address(index)]),
  }
}

/** Waits until both replicas tell the same, and that. */
async function untilSeen(what: string, wanted: { state: string; envoys: object[] }): Promise<void> {
  let last: unknown
  const look = async (weir: Weir) => {
    const { state, envoys } = await health(weir)
    last = { state, envoys: envoys.map(seen) }
    return JSON.stringify(last) === JSON.stringify(wanted)
  }
  await until(what, async () => (await Promise.all(replicas.weirs.map(look))).every(Boolean)).catch(
    (error) => {
      assert.deepEqual(last, wanted, String(error))
    },
  )
}

const both = (each: object) => ['edge-0', 'edge-1'].map((id) => ({ id, ...each }))

test('a cluster that is not there, that no gateway uses, and that no Envoy has', async () => {
  const gateway = {
    kind: 'Gateway',
    name: 'edge',
    spec: { listeners: [{ name: 'http', port, protocol: 'http' }] },
  }
  const policy = {
    ...{ kind: 'OutlierDetectionPolicy', name: 'strict' },
    spec: { consecutive5xx: 3, ejectionTime: '120s', interval: '200ms', maxEjectionPercent: 100 },
  }
  const shop = cluster('shop.v1', [], {
    endpoints: upstreams.map(({ port }, index) => ({ address: '127.0.0.1', port, draining: index === 3 })),
    healthCheck: { type: 'http', path: '/healthz', interval: '100ms', unhealthyThreshold: 1 },
    outlierDetection: 'strict',
    loadBalancing: { panicThreshold: 30 },
  })
  await first().apply(
    gateway,
    policy,
    shop,
    cluster('spare', upstreams),
    route('all', '/', { forward: [{ cluster: 'shop.v1' }] }),
  )
  const missing = await first().api('GET', '/v1/clusters/nowhere/health')
  assert.deepEqual([missing.status, missing.body.title !== undefined], [404, true])
  const unused = await health(first(), 'spare')
  assert.deepEqual([unused.state, unused.envoys], ['unknown', []])
  assert.match(unused.why!, /no route of a gateway forwards to it/)
  const alone = await health(first())
  assert.deepEqual([alone.state, alone.envoys, alone.why], ['unknown', [], 'no Envoy of edge is connected'])
})

test('both replicas tell of each endpoint as each Envoy sees it', async () => {
  const xdsPorts = [...replicas.xdsPorts]
  envoys = await Promise.all(
    xdsPorts.map((xdsPort, index) =>
      startTestEnvoy({
        ...{ gateway: 'edge', id: `edge-${index}`, xdsPort },
        // The one tells both replicas in turns, the other its own alone.
        moreXdsPorts: index === 0 ? [xdsPorts[1]!] : [],
      }),
    ),
  )
  const well = ['healthy', 'healthy', 'healthy', 'draining']
  const calm = both({ state: 'told', healthy: 3, panic: false, endpoints: well })
  await untilSeen('all is well', { state: 'healthy', envoys: calm })

  failing.add('a check')
  const failed = {
    state: 'told',
    healthy: 2,
    panic: false,
    endpoints: ['failed_health_check', 'healthy', 'healthy', 'draining'],
  }
  await untilSeen('a fails its check', { state: 'impaired', envoys: both(failed) })

  failing.add('b requests')
  const ejected = {
    state: 'told',
    healthy: 1,
    panic: false,
    endpoints: ['failed_health_check', 'ejected', 'healthy', 'draining'],
  }
  await until('b is ejected by both', async () => {
    await send(port, { path: '/' })
    const counted = await Promise.all(
      envoys.map((envoy) => envoy.stats('cluster.shop.v1.outlier_detection.ejections_active')),
    )
    return counted.every((stats) => stats['cluster.shop.v1.outlier_detection.ejections_active'] === 1)
  })
  await untilSeen('b is ejected', { state: 'impaired', envoys: both(ejected) })

  const { envoys: told } = await health(first())
  for (const { hosts, figures } of told) {
    assert.deepEqual(hosts, {
      total: 4,
      healthy: 1,
      degraded: 0,
      excluded: 0,
      failedHealthCheck: 1,
      ejected: 1,
      draining: 1,
    })
    assert.deepEqual([figures!.ejections, figures!.poolsFull], [{ active: 1, counted: 1 }, []])
    assert.ok(
      figures!.healthChecks.failures > 0 && figures!.healthChecks.attempts > figures!.healthChecks.failures,
    )
  }
  const { ailments }: FleetHealth = (await replicas.weirs[1]!.api('GET', '/v1/fleet/health')).body
  assert.deepEqual(ailments.map(({ cluster, id, hosts }) => [cluster, id, hosts!.healthy]).sort(), [
    ['shop.v1', 'edge-0', 1],
    ['shop.v1', 'edge-1', 1],
  ])
  const environment = { WEIR_URL: first().url, WEIR_ADMIN_TOKEN: first().token }
  const { stdout } = await run(['fleet'], { environment })
  assert.match(stdout, /^edge\/edge-0 shop\.v1: 1 of 4 healthy \(1 failed, 1 ejected, 1 draining\)$/m)
  const shown = await run(['health', 'shop.v1'], { environment })
  assert.match(shown.stdout, /^shop\.v1: impaired$/m)
  assert.match(shown.stdout, new RegExp(`^${address(1)} +ejected +edge-0, edge-1$`, 'm'))
  assert.equal(await first().metric('weir_cluster_healthy_hosts', { cluster: 'shop.v1' }), 1)
  assert.equal(await first().metric('weir_cluster_ejected_hosts', { cluster: 'shop.v1' }), 1)
})

test('panic is seen and told once, and an Envoy that went silent is not taken for one that is well', async () => {
  process.kill(envoys[1]!.pid, 'SIGSTOP')
  failing.add('c check')
  const left = ['failed_health_check', 'ejected', 'failed_health_check', 'draining']
  const before = ['failed_health_check', 'ejected', 'healthy', 'draining']
  await untilSeen('one is in panic, and one silent', {
    state: 'panic',
    envoys: [
      { id: 'edge-0', state: 'told', healthy: 0, panic: true, endpoints: left },
      { id: 'edge-1', state: 'silent', healthy: 1, panic: false, endpoints: before },
    ],
  })
  failing.clear()
  for (const client of events)
    await client.event((event) => event.type === 'cluster_health' && event.state === 'recovered')
  for (const { events: told } of events) {
    const states = told.map(
      (event) => event.type === 'cluster_health' && [event.cluster, event.state, event.id],
    )
    assert.deepEqual(states, [
      ['shop.v1', 'panic', 'edge-0'],
      ['shop.v1', 'recovered', 'edge-0'],
    ])
  }
})
