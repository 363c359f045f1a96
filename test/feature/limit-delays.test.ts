import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { assertDecided, patient, policy } from '../support/rate-limits.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstream: Upstream

before(async () => {
  upstream = await startUpstream('a')
  edge = await startEdge(patient)
  await edge.apply(
    cluster('a', upstream),
    policy('queue', {
      ...{ algorithm: 'leaky_bucket', queue: 20, rate: { requests: 4, every: '1s' } },
      key: [{ header: 'x-key' }],
    }),
    policy('shadow', {
      ...{ algorithm: 'leaky_bucket', queue: 20, rate: { requests: 1, every: '1m' } },
      ...{ key: [{ constant: 'all' }], mode: 'shadow' },
    }),
    route('shadow', '/shadow', { rateLimits: ['shadow'], idleTimeout: '1h' }),
    policy('window', { limit: 100 }),
    route('queue', '/queue', { rateLimits: ['queue'] }),
    route('window', '/window', { rateLimits: ['window'] }),
    route('free', '/free'),
  )
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
})

const delays = async () => {
  const stats = await edge.envoy.stats('fault.delays_injected')
  return Object.values(stats).reduce((sum, value) => sum + value, 0)
}

/** What a client may try, each of it twice, too. */
const tricks: Record<string, string | string[]>[] = [
  { 'x-envoy-fault-delay-request': '0' },
  { 'x-envoy-fault-delay-request': '3000' },
  { 'x-envoy-fault-delay-request': ['3000', '0'] },
  { 'X-Envoy-Fault-Delay-Request': '0', 'x-envoy-fault-delay-request-percentage': '0' },
  { 'x-envoy-fault-delay-request-percentage': '0' },
  { 'x-envoy-fault-abort-request': '418', 'x-envoy-fault-abort-request-percentage': '100' },
  { 'x-envoy-fault-throughput-response': '1' },
]

describe('who writes delay headers of their own', () => {
  test('waits for the turn of a leaky bucket like everybody', async () => {
    const before = await delays()
    const seen = upstream.seen.length
    const asked: Promise<{ status: number }>[] = []
    const ask = (headers: object) => {
      asked.push(edge.send({ path: `/queue/${asked.length}`, headers: { 'x-key': 'a', ...headers } }))
    }
    // The first of the two has its turn at once, and the queue is not empty from here on.
    ask({})
    await asked[0]
    ask({})
    for (const headers of [...tricks, {}]) {
      // Each is in the queue before the next is sent, which says in what order they leave it.
      await until('it is queued', async () => (await delays()) - before === asked.length - 1)
      ask(headers)
    }
    for (const { status } of await Promise.all(asked)) assert.equal(status, 200)
    assert.deepEqual(
      upstream.seen.slice(seen).map(({ url }) => url),
      asked.map((_, index) => `/queue/${index}`),
    )
    assert.equal((await delays()) - before, asked.length - 1)
  })

  for (const path of ['/window', '/free', '/shadow']) {
    test(`is delayed by nobody on ${path}`, async () => {
      const before = await delays()
      for (const headers of tricks) assert.equal((await edge.send({ path, headers })).status, 200)
      assert.equal(await delays(), before)
    })
  }

  test('no header of the fault filter reached the upstream', () => {
    const names = upstream.seen.flatMap(({ headers }) => Object.keys(headers))
    assert.deepEqual(
      names.filter((name) => name.startsWith('x-envoy-fault')),
      [],
    )
  })

  test('every decision was made by the service', () => assertDecided(edge.envoy))
})
