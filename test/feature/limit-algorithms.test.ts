import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Agent } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { send } from '../support/http.ts'
import { assertDecided, patient, policy } from '../support/rate-limits.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const windowMs = 2_000
const allowed = 40
/** Milliseconds by which the clock of the service may differ from the test's. */
const skew = 5

let edge: Edge
let upstream: Upstream
/** Milliseconds at which requests arrived, in order. */
const arrivals: number[] = []
const agent = new Agent({ keepAlive: true, maxSockets: 128 })

before(async () => {
  upstream = await startUpstream('a', (response) => {
    arrivals.push(performance.now())
    response.end()
  })
  edge = await startEdge(patient)
  const key = [{ header: 'x-key' }]
  const window = { limit: allowed, window: `${windowMs}ms`, key }
  await edge.apply(
    cluster('a', upstream),
    policy('fixed', { algorithm: 'fixed_window', ...window }),
    policy('sliding', { algorithm: 'sliding_window', ...window }),
    policy('tokens', { algorithm: 'token_bucket', capacity: 10, refill: { tokens: 20, every: '1s' }, key }),
    policy('queue', { algorithm: 'leaky_bucket', queue: 5, rate: { requests: 4, every: '1s' }, key }),
    ...['fixed', 'sliding', 'tokens', 'queue'].map((name) => route(name, `/${name}`, { rateLimits: [name] })),
    route('free', '/free'),
  )
})

after(async () => {
  agent.destroy()
  await edge?.stop()
  await upstream?.close()
})

interface Asked {
  admitted: boolean
  /** Between these wall-clock times it was decided, and between those of `performance.now` as well. */
  sent: number
  received: number
}

async function ask(name: string, key: string): Promise<Asked> {
  const sent = Date.now()
  const { status } = await send(edge.port, { path: `/${name}`, headers: { 'x-key': key } }, agent)
  assert.ok(status === 200 || status === 429, String(status))
  return { admitted: status === 200, sent, received: Date.now() }
}

const askAtOnce = (count: number, name: string, key: string) =>
  Promise.all(Array.from({ length: count }, () => ask(name, key)))

const admitted = (all: readonly Asked[]) => all.filter((each) => each.admitted).length
const windowOf = (time: number) => Math.floor(time / windowMs)

/** Passes time by requests that no limit counts. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await send(edge.port, { path: '/free' }, agent)
}

/** Asks for more than is allowed late in one window. Of a machine so busy that they reach the next it takes another. */
async function fillBeforeEdge(name: string): Promise<{ key: string; edge: number; first: Asked[] }> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const key = randomUUID()
    await until(() => Date.now() % windowMs > windowMs * 0.6)
    const start = windowOf(Date.now())
    const first = await askAtOnce(allowed + 5, name, key)
    if (windowOf(Math.max(...first.map(({ received }) => received))) === start)
      return { key, edge: (start + 1) * windowMs, first }
  }
  throw new Error('no requests were answered within one window')
}

describe('the four algorithms through Envoy', () => {
  test('fixed window: over an edge twice the limit passes', async () => {
    const { key, edge, first } = await fillBeforeEdge('fixed')
    assert.equal(admitted(first), allowed)
    await until(() => Date.now() > edge + 20)
    const second = await askAtOnce(allowed + 5, 'fixed', key)
    assert.equal(admitted(second), allowed)
  })

  test('sliding window: over an edge passes what the weight of the window before leaves, to the request', async () => {
    const { key, edge, first } = await fillBeforeEdge('sliding')
    assert.equal(admitted(first), allowed)
    await until(() => Date.now() > edge)
    let count = 0
    for (;;) {
      const { admitted, sent, received } = await ask('sliding', key)
      if (received >= edge + windowMs) break
      // previous x (W - e) + (current + 1) x W <= L x W, where the window before is full.
      const room = (time: number) => (allowed * (time - edge)) / windowMs
      if (admitted)
        assert.ok(count + 1 <= room(received + skew), `${count} were admitted ${received - edge} ms in`)
      else assert.ok(count + 1 > room(sent - skew), `${count} were admitted ${sent - edge} ms in`)
      if (admitted) count++
    }
    assert.ok(count > 0)
  })

  test('token bucket: the burst passes at once, then the rate', async () => {
    const key = randomUUID()
    const burst = await askAtOnce(25, 'tokens', key)
    const all = [...burst]
    while (admitted(all) < 35) all.push(await ask('tokens', key))
    const start = Math.min(...all.map(({ sent }) => sent))
    const soonest = Math.min(...burst.map(({ received }) => received))
    const last = all.at(-1)!
    // The 25 that the bucket did not hold take 1.25 s to come.
    assert.ok(last.received - start >= 1_250 - skew, 'none was admitted before its token came')
    const denied = all.findLast((each) => !each.admitted)!
    assert.ok(denied.sent - soonest < 1_250 + skew, 'none was refused after its token had come')
    assert.ok(admitted(burst) >= 10)
  })

  test('leaky bucket: an idle one admits its queue and one of a burst, and lets them out evenly', async () => {
    let even = false
    // A gap is as even as the machine lets the arrivals be; one that is busy is asked again.
    for (let attempt = 0; attempt < 10 && !even; attempt++) {
      const key = randomUUID()
      arrivals.length = 0
      const asked = await askAtOnce(10, 'queue', key)
      const refused = asked.filter((each) => !each.admitted)
      const took =
        Math.max(...refused.map(({ received }) => received)) - Math.min(...asked.map(({ sent }) => sent))
      // After a turn's time the queue has room for one more.
      if (took >= 250) continue
      assert.equal(admitted(asked), 6)
      assert.equal(arrivals.length, 6)
      const gaps = arrivals.slice(1).map((time, index) => time - arrivals[index]!)
      even = gaps.every((gap) => gap > 250 * 0.85 && gap < 250 * 1.15)
    }
    assert.ok(even, 'every gap is a turn of 250 ms, give or take 15%')
  })

  test('every decision was made by the service', () => assertDecided(edge.envoy))
})
