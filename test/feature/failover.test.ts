import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { type Edge, route, startEdge } from '../support/edge.ts'
import { hostsOf } from '../support/hosts.ts'
import { counts, sendMany } from '../support/many-requests.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstreams: Upstream[]
/** Upstreams whose checks fail. */
const failing = new Set<string>()
const place = (zone: string) => ({ region: 'eu', zone })

const start = (name: string) =>
  startUpstream(name, (response, { url }) => {
    const status = url === '/healthz' && failing.has(name) ? 500 : 200
    response.writeHead(status, { 'content-length': 0 }).end()
  })

before(async () => {
  upstreams = await Promise.all(['a', 'b', 'c'].map(start))
  edge = await startEdge({}, { locality: place('eu-a') })
})

after(async () => {
  await edge?.stop()
  await Promise.all((upstreams ?? []).map((upstream) => upstream.close()))
})

beforeEach(() => failing.clear())

const healthCheck = { type: 'http', path: '/healthz', interval: '100ms', unhealthyThreshold: 1 }

/** Makes `/` a route to a cluster with an endpoint of each upstream. */
async function serve(name: string, more: object[], spec: object): Promise<void> {
  const endpoints = upstreams.map(({ port }, index) => ({ address: '127.0.0.1', port, ...more[index] }))
  await edge.apply(
    { kind: 'Cluster', name, spec: { endpoints, healthCheck, ...spec } },
    route('all', '/', { forward: [{ cluster: name }] }),
  )
  const healthy = async () =>
    [...(await hostsOf(edge.envoy, name)).values()].filter(
      ({ failed_active_health_check: failed }) => failed !== true,
    )
  await until('all pass their checks', async () => (await healthy()).length === upstreams.length)
}

async function fail(cluster: string, name: string): Promise<void> {
  failing.add(name)
  const { port } = upstreams['abc'.indexOf(name)]!
  const flags = async () => (await hostsOf(edge.envoy, cluster)).get(port)!
  await until(`${name} fails`, async () => (await flags()).failed_active_health_check === true)
}

const spread = async () => counts(await sendMany(edge.port, { count: 90, parallel: 4, path: '/' }))

describe('failover by priority', () => {
  test('the next priority takes over from one that was killed, after some failures and without a check', async () => {
    const [first, second] = await Promise.all(['first', 'second'].map((name) => startUpstream(name)))
    try {
      const endpoints = [
        { address: '127.0.0.1', port: first!.port },
        { address: '127.0.0.1', port: second!.port, priority: 1 },
      ]
      await edge.apply(
        {
          kind: 'OutlierDetectionPolicy',
          name: 'soon',
          spec: { consecutive5xx: 5, maxEjectionPercent: 50 },
        },
        { kind: 'Cluster', name: 'killed', spec: { endpoints, outlierDetection: 'soon' } },
        route('all', '/', { forward: [{ cluster: 'killed' }] }),
      )
      assert.equal((await edge.send('/')).upstream, 'first')
      await first!.close()
      const answers = []
      for (let index = 0; index < 5; index++) answers.push(await edge.send('/'))
      // Envoy's main thread ejects it, a moment after a worker has answered.
      const flags = async () => (await hostsOf(edge.envoy, 'killed')).get(first!.port)!
      await until('it is ejected', async () => (await flags()).failed_outlier_check === true)
      for (let index = 5; index < 40; index++) answers.push(await edge.send('/'))
      const failed = answers.filter(({ status }) => status === 503)
      assert.equal(failed.length, 5)
      assert.ok(answers.slice(5).every(({ upstream }) => upstream === 'second'))
    } finally {
      await second!.close()
    }
  })

  const tiers = [{}, {}, { priority: 1 }]

  test('with half of a priority healthy a part goes to the next, or none of it', async () => {
    await serve('halved', tiers, { loadBalancing: { overprovisioningFactor: 100 } })
    assert.deepEqual(await spread(), { a: 45, b: 45 })
    await fail('halved', 'a')
    const { a, c = 0 } = await spread()
    assert.equal(a, undefined)
    assert.ok(c > 0, 'half of the requests go to the next priority')

    failing.clear()
    await serve('halved', tiers, { loadBalancing: { overprovisioningFactor: 200 } })
    await fail('halved', 'a')
    assert.deepEqual(await spread(), { b: 90 })
  })
})

describe('zone-aware routing', () => {
  const allGetSome = async () => assert.deepEqual(Object.keys(await spread()).sort(), ['a', 'b', 'c'])
  const zones = ['eu-a', 'eu-b', 'eu-c'].map((zone) => ({ locality: place(zone) }))

  for (const policy of ['round_robin', 'least_request', 'random']) {
    test(`${policy}: requests stay in the zone of their Envoy while an endpoint there is healthy`, async () => {
      const name = `near-${policy.replace('_', '-')}`
      await serve(name, zones, { loadBalancing: { policy, zoneAware: {} } })
      assert.deepEqual(await spread(), { a: 90 })
      await fail(name, 'a')
      const { a, b = 0, c = 0 } = await spread()
      assert.equal(a, undefined)
      assert.ok(b > 0 && c > 0)
    })
  }

  test('with fewer endpoints in the zone than it must have, and without it, all zones get them', async () => {
    await serve('few', zones, { loadBalancing: { zoneAware: { minLocalEndpoints: 2 } } })
    await allGetSome()
    await serve('apart', zones, {})
    await allGetSome()
  })

  test('a place is the zone and all else that is said of it', async () => {
    const elsewhere = zones.with(0, { locality: { region: 'us', zone: 'eu-a' } })
    await serve('elsewhere', elsewhere, { loadBalancing: { zoneAware: {} } })
    await allGetSome()
  })
})
