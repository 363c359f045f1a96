import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { hostsOf } from '../support/hosts.ts'
import { counts, sendMany } from '../support/many-requests.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let a: Upstream
let b: Upstream
/** How the next requests to an upstream are answered, checks aside; 200 where nothing is said. */
const statuses = new Map<string, number[]>()
const failingChecks = new Set<string>()

before(async () => {
  const start = (name: string) =>
    startUpstream(name, (response, { url }) => {
      const status =
        url === '/healthz' ? (failingChecks.has(name) ? 503 : 200) : (statuses.get(name)?.shift() ?? 200)
      response.writeHead(status, { 'content-length': 0 }).end()
    })
  ;[a, b] = await Promise.all([start('a'), start('b')])
  edge = await startEdge()
})

after(async () => {
  await edge?.stop()
  await Promise.all([a, b].map((upstream) => upstream?.close()))
})

beforeEach(() => {
  statuses.clear()
  failingChecks.clear()
})

const serve = (name: string, endpoints: Upstream[], spec: object, ...more: object[]) =>
  edge.apply(...more, cluster(name, endpoints, spec), route('all', '/', { forward: [{ cluster: name }] }))
const policy = (name: string, spec: object) => ({ kind: 'OutlierDetectionPolicy', name, spec })
const send = async (count: number) => counts(await sendMany(edge.port, { count, parallel: 4, path: '/' }))
const flags = async (name: string, { port }: Upstream) => (await hostsOf(edge.envoy, name)).get(port)!
const failures = (count: number, ok = 0) => [...Array(ok).fill(200), ...Array(count).fill(500)] as number[]

/** Requests one after the other; answers with their statuses. */
async function ask(count: number): Promise<number[]> {
  const found: number[] = []
  for (let index = 0; index < count; index++) found.push((await edge.send('/')).status)
  return found
}

describe('health checks', () => {
  const interval = 500
  const healthCheck = { type: 'http', path: '/healthz', host: 'a.internal', interval: `${interval}ms` }

  test('an endpoint that fails gets no request after threshold x interval + 1 s, and comes back', async (context) => {
    await serve('checked', [a, b], { healthCheck: { ...healthCheck, unhealthyThreshold: 2 } })
    assert.deepEqual(await send(40), { a: 20, b: 20 })
    assert.equal(a.seen.find(({ url }) => url === '/healthz')!.headers.host, 'a.internal')

    const checks = () => a.seen.filter(({ url }) => url === '/healthz').length
    const before = checks()
    const failed = performance.now()
    failingChecks.add('a')
    await until(
      'it is left alone',
      async () => (await flags('checked', a)).failed_active_health_check === true,
    )
    const took = performance.now() - failed
    context.diagnostic(`left alone after ${Math.round(took)} ms`)
    assert.ok(took < 2 * interval + 1_000)
    assert.ok(checks() - before >= 2, 'one failed check is not enough')
    assert.deepEqual(await send(200), { b: 200 })

    failingChecks.clear()
    await until('it is used again', async () => !(await flags('checked', a)).failed_active_health_check)
    assert.deepEqual(await send(40), { a: 20, b: 20 })
  })

  test('with no healthy endpoint requests are answered 503 instead of reaching a failing one', async () => {
    await serve('dead', [a], { healthCheck: { ...healthCheck, interval: '100ms' } })
    failingChecks.add('a')
    await until('it is left alone', async () => (await flags('dead', a)).failed_active_health_check === true)
    const before = a.seen.filter(({ url }) => url === '/').length
    assert.deepEqual(new Set(await ask(10)), new Set([503]))
    assert.equal(a.seen.filter(({ url }) => url === '/').length, before)
  })

  test('tcp: a port that is open is enough', async () => {
    failingChecks.add('a')
    await serve('by-tcp', [a], { healthCheck: { type: 'tcp', interval: '100ms' } })
    assert.deepEqual(await send(10), { a: 10 })
  })
})

describe('the preset hosts is a breaker for each endpoint', () => {
  const hosts = policy('hosts', { preset: 'hosts', interval: '1s', ejectionTime: '2s' })
  const isOpen = async () => (await flags('broken', a)).failed_outlier_check === true

  test('5 of 10 failed: it stays closed', async () => {
    await serve('broken', [a], { outlierDetection: 'hosts' }, hosts)
    statuses.set('a', failures(5, 5))
    await ask(10)
    const failed = performance.now()
    await until('an interval is over', async () => {
      assert.equal(await isOpen(), false)
      return performance.now() - failed > 1_300
    })
    assert.deepEqual(await ask(10), Array(10).fill(200))
  })

  test('6 of 10 failed: it opens within one interval, for its time, and closes again', async (context) => {
    let open = false
    let failed = 0
    // A burst that falls into two intervals opens nothing; the next one then lies in one.
    for (let burst = 0; burst < 5 && !open; burst++) {
      statuses.set('a', failures(6, 4))
      await ask(10)
      failed = performance.now()
      await until('an interval is over', async () => {
        open = await isOpen()
        return open || performance.now() - failed > 1_300
      })
    }
    assert.ok(open)
    const opened = performance.now()
    const before = a.seen.length
    assert.deepEqual(new Set(await ask(20)), new Set([503]))
    assert.equal(a.seen.length, before, 'the endpoint saw none of them')
    await until('it closes', async () => (await edge.send('/')).status === 200)
    const stayed = performance.now() - opened
    context.diagnostic(
      `opened ${Math.round(opened - failed)} ms after the failures, was open for ${Math.round(stayed)} ms`,
    )
    assert.ok(stayed > 1_800)
    assert.deepEqual(await ask(10), Array(10).fill(200))
  })

  test('of two endpoints the failing one is left alone', async () => {
    await serve('one-of-two', [a, b], { outlierDetection: 'hosts' }, hosts)
    const ejected = async () => (await flags('one-of-two', a)).failed_outlier_check === true
    await until('it is ejected', async () => {
      statuses.set('a', failures(20))
      await ask(20)
      return ejected()
    })
    statuses.clear()
    assert.deepEqual(await send(100), { b: 100 })
  })
})

describe('without a policy of one’s own', () => {
  test('over half of at least ten requests of 5 s failed: an endpoint is left alone, the only one, too', async () => {
    await serve('by-default', [a], {})
    const isOpen = async () => (await flags('by-default', a)).failed_outlier_check === true
    await until('it is left alone', async () => {
      if (await isOpen()) return true
      statuses.set('a', failures(2))
      await ask(2)
      return false
    })
    const before = a.seen.length
    assert.deepEqual(new Set(await ask(10)), new Set([503]))
    assert.equal(a.seen.length, before)
  })

  test('none ejects nobody', async () => {
    await serve('never', [a, b], { outlierDetection: 'none' })
    statuses.set('a', failures(50))
    await ask(100)
    assert.deepEqual(await send(100), { a: 50, b: 50 })
  })

  test('one that is called default holds for all that name none', async () => {
    await serve('by-default', [a, b], {}, policy('default', { consecutive5xx: 2, maxEjectionPercent: 50 }))
    statuses.set('a', failures(10))
    const first = await ask(4)
    // Envoy's main thread tells its workers of an ejection, a moment later.
    await until('it is ejected', async () => (await flags('by-default', a)).failed_outlier_check === true)
    const all = [...first, ...(await ask(6))]
    assert.equal(all.filter((status) => status === 500).length, 2)
    const { status } = await edge.weir.api('DELETE', '/v1/outlier-detection-policies/default?wait=acked')
    assert.equal(status, 200)
  })
})
