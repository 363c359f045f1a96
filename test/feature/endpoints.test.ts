import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { type Edge, route, startEdge } from '../support/edge.ts'
import { hostsOf } from '../support/hosts.ts'
import { counts, sendMany } from '../support/many-requests.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let a: Upstream
let b: Upstream
let c: Upstream
/** Answers of `/held` that wait to be sent, and the upstreams whose checks fail. */
const held: ServerResponse[] = []
const failing = new Set<string>()

before(async () => {
  const start = (name: string) =>
    startUpstream(name, (response, { url }) => {
      if (url === '/held') held.push(response)
      else
        response.writeHead(url === '/healthz' && failing.has(name) ? 500 : 200, { 'content-length': 0 }).end()
    })
  ;[a, b, c] = await Promise.all([start('a'), start('b'), start('c')])
  edge = await startEdge()
})

after(async () => {
  await edge?.stop()
  await Promise.all([a, b, c].map((upstream) => upstream?.close()))
})

/** Makes `/` a route to a cluster with these endpoints. */
async function serve(name: string, endpoints: object[], more: object = {}): Promise<void> {
  const all = endpoints.map((each) => ({ address: '127.0.0.1', ...each }))
  await edge.apply(
    { kind: 'Cluster', name, spec: { endpoints: all, ...more } },
    route('all', '/', { forward: [{ cluster: name }] }),
  )
}

const spread = async () => counts(await sendMany(edge.port, { count: 60, parallel: 4, path: '/' }))

describe('endpoints by name', () => {
  test('localhost is reached, and has its weight', async () => {
    const endpoints = [
      { address: 'localhost', port: a.port, weight: 2 },
      { address: '127.0.0.1', port: b.port },
    ]
    await serve('named', endpoints)
    assert.deepEqual(await spread(), { a: 40, b: 20 })
  })

  test('a name that nobody knows answers 503, and harms no other', async () => {
    const unknown = { address: 'nobody.invalid', port: a.port }
    await serve('unknown', [unknown, { port: b.port }])
    assert.deepEqual(await spread(), { b: 60 })
    await serve('unknown', [unknown])
    assert.equal((await edge.send('/')).status, 503)
  })

  test('a cluster goes from names to addresses and back without a failure', async () => {
    await serve('moving', [{ address: 'localhost', port: a.port }])
    let over = false
    const load = (async () => {
      while (!over) await sendMany(edge.port, { count: 50, parallel: 4, path: '/' })
    })()
    for (const address of ['127.0.0.1', 'localhost', '127.0.0.1', 'localhost']) {
      await serve('moving', [{ address, port: a.port }])
    }
    over = true
    await load
  })
})

describe('priorities', () => {
  const check = { type: 'http', path: '/healthz', interval: '100ms', unhealthyThreshold: 1 }

  test('the next one comes in when the first has failed, and goes again', async () => {
    const endpoints = [
      { port: a.port, priority: 3 },
      { port: b.port, priority: 70 },
      { port: c.port, priority: 70 },
    ]
    await serve('tiers', endpoints, { healthCheck: check })
    assert.deepEqual(await spread(), { a: 60 })
    failing.add('a')
    const isFailing = async () => (await hostsOf(edge.envoy, 'tiers')).get(a.port)!.failed_active_health_check
    await until('a fails its check', async () => (await isFailing()) === true)
    assert.deepEqual(await spread(), { b: 30, c: 30 })
    failing.delete('a')
    await until('a passes its check', async () => (await isFailing()) !== true)
    assert.deepEqual(await spread(), { a: 60 })
  })
})

describe('taking an endpoint away', () => {
  test('draining: it gets no new request and finishes those that it has', async () => {
    await serve('leaving', [{ port: a.port }])
    const slow = edge.send('/held')
    await until('it has a request', () => held.length > 0)
    await serve('leaving', [{ port: a.port, draining: true }, { port: b.port }])
    assert.deepEqual(await spread(), { b: 60 })
    const [response] = held.splice(0)
    response!.end('late')
    assert.equal((await slow).body, 'late')
    await serve('leaving', [{ port: b.port }])
    assert.deepEqual(await spread(), { b: 60 })
  })
})

describe('a pool that is full', () => {
  test('answers 503 and says that it is overloaded', async () => {
    await serve('full', [{ port: a.port }], { connectionPool: { maxConnections: 1, maxPendingRequests: 1 } })
    const first = edge.send('/held')
    await until('the connection is taken', () => held.length > 0)
    const second = edge.send('/')
    const waiting = async () => await edge.envoy.stats('cluster.full.upstream_rq_pending_active')
    await until('one waits', async () => (await waiting())['cluster.full.upstream_rq_pending_active'] === 1)
    const { status, headers } = await edge.send('/')
    assert.deepEqual([status, headers['x-envoy-overloaded']], [503, 'true'])
    const overflown = await edge.envoy.stats('cluster.full.upstream_rq_pending_overflow')
    assert.equal(overflown['cluster.full.upstream_rq_pending_overflow'], 1)
    held.splice(0)[0]!.end()
    assert.deepEqual([(await first).status, (await second).status], [200, 200])
  })
})
