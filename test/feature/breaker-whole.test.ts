import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

/** A whole weir with one Envoy: what opens a breaker by what Envoy says, and where requests go then. */
let edge: Edge
let shop: Upstream
let spare: Upstream
let status = 200
let delayMs = 0

before(async () => {
  ;[shop, spare] = await Promise.all([
    startUpstream('shop', (response) => {
      response.statusCode = status
      setTimeout(() => response.end(), delayMs)
    }),
    startUpstream('spare'),
  ])
  // Decisions that come late on a busy machine are waited for.
  edge = await startEdge({ rateLimitService: { timeout: '3s' } })
})

after(async () => {
  await edge?.stop()
  await Promise.all([shop, spare].map((upstream) => upstream?.close()))
})

const policy = (name: string, more: object) => ({
  ...{ kind: 'OutlierDetectionPolicy', name },
  spec: { breaker: { errorRate: 50, window: 4, open: '1s', ...more } },
})

/** A cluster for each test, since a breaker is its cluster's. */
async function serve(name: string, breaker: object): Promise<void> {
  ;[status, delayMs] = [200, 0]
  await edge.apply(
    policy(name, breaker),
    cluster(name, shop, { outlierDetection: name }),
    cluster('spare', spare, { outlierDetection: 'none' }),
    route('all', '/', { forward: [{ cluster: name }] }),
  )
}

/** Sends one after the other until one does not come from the shop. */
async function untilRefused() {
  for (let count = 0; count < 50; count++) {
    const answer = await edge.send('/')
    if (answer.upstream !== 'shop') return { count, answer }
  }
  throw new Error('it did not open')
}

describe('a breaker that is open', () => {
  test('sends its requests to the fallback, and back after a probe', async () => {
    await serve('elsewhere', { fallback: { cluster: 'spare' } })
    status = 500
    const { count, answer } = await untilRefused()
    assert.ok(count >= 4, `${count}`)
    assert.deepEqual([answer.status, answer.upstream], [200, 'spare'])
    status = 200
    const before = shop.seen.length
    await until('the shop is back', async () => (await edge.send('/')).upstream === 'shop')
    assert.equal(shop.seen.length, before + 1)
  })

  test('has the gateway answer', async () => {
    await serve('answered', { open: '30s', fallback: { respond: { status: 203, body: 'later' } } })
    status = 503
    const { answer } = await untilRefused()
    assert.deepEqual([answer.status, answer.body], [203, 'later'])
  })

  test('was opened by answers that came too late', async () => {
    await serve('late', { open: '30s', slowerThan: '100ms' })
    delayMs = 150
    const { count, answer } = await untilRefused()
    assert.ok(count >= 4, `${count}`)
    assert.equal(answer.status, 503)
    assert.ok(Number(answer.headers['retry-after']) >= 1)
    assert.match(answer.body, /circuit breaker of the service is open/)
  })
})

test('404s, and answers that come in time, open nothing', async () => {
  await serve('fine', { slowerThan: '10s' })
  status = 404
  for (let count = 0; count < 20; count++) assert.equal((await edge.send('/')).upstream, 'shop')
})
