import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { after, before, describe, type TestContext, test } from 'node:test'
import { breakerIsOpen } from '../../src/model/breaker-descriptor.ts'
import type { Breaker } from '../../src/model/breaker-json.ts'
import { type BreakerFleet, startBreakerFleet } from '../support/breaker-fleet.ts'
import type { Received } from '../support/http.ts'
import { until } from '../support/until.ts'

const isLong = process.env.WEIR_LONG === '1'
const clients = 20
const openMs = 2_000
const strict = { errorRate: 50, window: 10, open: `${openMs}ms` }

/** A refusal, with the seconds that it tells. */
function retryAfterOf({ status, headers, body }: Received): number {
  assert.deepEqual([status, headers['content-type']], [503, 'application/problem+json'])
  const { title, status: told, detail } = JSON.parse(body)
  assert.deepEqual([title, told, detail], ['Service Unavailable', 503, breakerIsOpen])
  return Number(headers['retry-after'])
}

describe('the strict breaker of a fleet', () => {
  let fleet: BreakerFleet
  before(async () => {
    fleet = await startBreakerFleet(strict)
  })
  /** Clients keep their connections, as browsers and services do. */
  const agent = new Agent({ keepAlive: true })
  after(async () => {
    agent.destroy()
    await fleet?.stop()
  })

  /** Closed, and nothing is counted. */
  async function fresh(): Promise<void> {
    fleet.answers(200)
    await fleet.set({ state: 'open' })
    await fleet.allAt('open')
    await fleet.set({ state: 'closed' })
    await fleet.allAt('closed')
  }

  async function open(): Promise<void> {
    await fleet.requests(4, 200)
    await fleet.requests(6, 500)
    await fleet.allAt('open')
  }

  /**
   * All clients ask until one of them is a probe, which the upstream holds; then all ask once more. Answers with what the
   * refused were told, with how long that took.
   */
  async function storm(
    length: number,
  ): Promise<{ refused: Received[]; times: number[]; probe: Promise<Received> }> {
    const before = fleet.arrivals.length
    fleet.answers('held')
    const refused: Received[] = []
    const times: number[] = []
    const probe = Promise.withResolvers<Received>()
    const once = async () => {
      const sentAt = performance.now()
      const answer = await fleet.send({ path: '/' }, agent)
      if (answer.status !== 503) return probe.resolve(answer)
      refused.push(answer)
      times.push(performance.now() - sentAt)
    }
    let isProbed = false
    const client = async () => {
      while (!isProbed) await once()
    }
    const asking = Array.from({ length: clients }, client)
    // A place that an overloaded machine lost is another one's after the time to live.
    const seconds = 50 + length / 1_000
    await until('a probe arrives', () => fleet.held.length > 0, seconds).finally(() => {
      isProbed = true
    })
    // One of them waits for its answer.
    await Promise.all(asking.map((each) => Promise.race([each, probeIsAll(asking, each)])))
    refused.splice(0)
    await Promise.all(Array.from({ length: clients }, once))
    assert.equal(fleet.arrivals.length - before, 1)
    return { refused, times, probe: probe.promise }
  }

  /** All others are back. */
  async function probeIsAll(asking: Promise<unknown>[], own: Promise<unknown>): Promise<void> {
    let back = 0
    for (const each of asking) if (each !== own) void each.then(() => back++)
    await until('the others are refused', () => back === asking.length - 1)
  }

  test('9 failures of 9 leave it closed', async () => {
    await fresh()
    await fleet.requests(9, 500)
    assert.equal((await fleet.breaker()).state, 'closed')
    assert.deepEqual((await fleet.breaker()).outcomes, { failures: 9, of: 9 })
  })

  test('5 of 10 leave it closed, 6 of 10 open it', async () => {
    await fresh()
    await fleet.requests(5, 200)
    await fleet.requests(5, 500)
    assert.deepEqual((await fleet.breaker()).outcomes, { failures: 5, of: 10 })
    assert.equal((await fleet.breaker()).state, 'closed')
    await fleet.send()
    await fleet.allAt('open')
  })

  test('404s never open it', async () => {
    await fresh()
    await fleet.requests(3 * clients, 404)
    assert.deepEqual((await fleet.breaker()).outcomes, { failures: 0, of: 10 })
  })

  test('open, half-open, open for the full time, half-open, closed', async (t) => {
    await life(t, isLong ? 20 : 2, openMs)
    if (!isLong) return
    await fleet.apply({ ...strict, open: '30s' })
    await life(t, 1, 30_000)
    await fleet.apply(strict)
  })

  async function life(t: TestContext, rounds: number, length: number): Promise<void> {
    await fresh()
    let times: number[] = []
    let seen = 0
    for (let round = 0; round < rounds; round++) {
      const willFail = round % 2 === 0
      if ((await fleet.breaker()).state === 'closed') await open()
      const sentAt = Date.now()
      const { state, halfOpenAt, since } = await fleet.breaker()
      if (state === 'open') assert.equal(Date.parse(halfOpenAt) - Date.parse(since), length)
      const end = fleet.openedAt() + length

      // Whatever it is asked meanwhile, nothing comes through.
      const knownAt = Date.now()
      const first = await fleet.many(clients)
      const answeredAt = Date.now()
      if (answeredAt < end) {
        for (const answer of first) {
          const told = retryAfterOf(answer)
          const [least, most] = [answeredAt, sentAt].map((at) => Math.max(1, Math.ceil((end - at) / 1_000)))
          assert.ok(told >= least! && told <= most!, `${told}: ${least} to ${most}`)
        }
      }
      const { refused, probe, times: taken } = await storm(length)
      times = times.concat(taken) // Hundreds of thousands, more than one call takes.
      const early = fleet.arrivals.filter((at) => at > knownAt && at < end - 1)
      assert.deepEqual(early, [], `round ${round}`)
      seen++
      for (const answer of refused) assert.equal(retryAfterOf(answer), 1)

      fleet.answers(willFail ? 500 : 200)
      assert.equal((await probe).status, willFail ? 500 : 200)
      await fleet.allAt(willFail ? 'open' : 'closed')
    }
    times.sort((one, other) => one - other)
    const median = times[times.length >> 1]!.toFixed(1)
    t.diagnostic(
      `open: ${length} ms, ${rounds} rounds: ${seen} requests came through, one a half-open; ` +
        `${times.length} refused by ${clients} clients in ${median} ms (median)`,
    )
  }

  test('a probe whose client leaves is another one’s at once', async () => {
    await fresh()
    await fleet.set({ state: 'open', for: '1s' })
    await fleet.allAt('open')
    fleet.answers('held')
    const leaving: ReturnType<typeof request>[] = []
    const ask = (port: number) => {
      const one = request({ host: '127.0.0.1', port, path: '/' }, (response) => response.resume())
      one.on('error', () => undefined).end()
      leaving.push(one)
    }
    await until('a probe arrives', () => {
      if (fleet.held.length === 0) ask(fleet.ports[0]!)
      return fleet.held.length > 0
    })
    const before = fleet.arrivals.length
    for (const one of leaving) one.destroy()
    fleet.held.splice(0)
    fleet.answers(200)
    await until('the next one closes it', async () => (await fleet.send()).status === 200)
    assert.equal(fleet.arrivals.length > before, true)
    await fleet.allAt('closed')
  })

  test('by hand, in the whole fleet', async () => {
    await fresh()
    const { held } = await fleet.set({ state: 'open' })
    assert.equal(held.author, 'api')
    await fleet.allAt('open')
    for (const answer of await fleet.many(clients)) assert.equal(retryAfterOf(answer), openMs / 1_000)
    await fleet.set({ state: 'open', for: '10m' })
    await until('both were told of it', async () =>
      (await fleet.many(4)).every((answer) => retryAfterOf(answer) > 590),
    )
    await fleet.set({ state: 'closed' })
    await fleet.allAt('closed')
    for (const { status } of await fleet.many(clients)) assert.equal(status, 200)
  })

  test('where clusters’ health is looked at it is seen, and so it is where a request is explained', async () => {
    await fresh()
    const { weir } = fleet
    const seen = async () => {
      const [one, all, explained] = await Promise.all([
        weir.api('GET', '/v1/clusters/shop/health'),
        weir.api('GET', '/v1/fleet/health'),
        fleet.explained('/'),
      ])
      return [[one.body.breaker], all.body.breakers, explained.breakers].map((breakers) =>
        breakers.map(({ cluster, policy, state }: Breaker) => `${cluster} ${policy} ${state}`),
      )
    }
    assert.deepEqual(await seen(), [['shop strict closed'], [], ['shop strict closed']])
    await fleet.set({ state: 'open', for: '10m' })
    await fleet.allAt('open')
    assert.deepEqual(await seen(), [['shop strict open'], ['shop strict open'], ['shop strict open']])
  })

  test('nothing of it is on a request or an answer, and nothing that a client sends is for it', async () => {
    await fresh()
    await fleet.requests(9, 500)
    fleet.answers(200)
    const headers = {
      ...{ 'x-weir-breaker': '1', 'weir.breaker': 'gen', gen: '1', fallback: 'plain', outcome: 'ok' },
      ...{ 'x-envoy-ratelimited': 'true', 'x-weir-breaker-open': 'shop', 'retry-after': '9' },
    }
    const answer = await fleet.send({ path: '/seen', headers })
    const plain = await fleet.send({ path: '/plain', headers })
    assert.deepEqual([answer.status, plain.status], [200, 200])
    const [seen, seenPlain] = ['/seen', '/plain'].map((path) =>
      fleet.upstream.seen.findLast(({ url }) => url === path),
    )
    assert.deepEqual(Object.keys(seen!.headers).sort(), Object.keys(seenPlain!.headers).sort())
    const named = (received: Received) =>
      Object.keys(received.headers)
        .filter((name) => !/^(content-length|transfer-encoding)$/.test(name))
        .sort()
    assert.deepEqual(named(answer), named(plain))
    // The ok that a client asks for is none: this was the tenth.
    await until('it is counted', async () => (await fleet.breaker()).state === 'open')
    await fleet.allAt('open')
    const refused = await fleet.send({ path: '/', headers })
    assert.ok(retryAfterOf(refused) <= openMs / 1_000)
    assert.deepEqual(
      Object.keys(refused.headers).filter((name) => /weir|envoy|gen|fallback|ratelimit/.test(name)),
      [],
    )
  })

  test('while the store is away it stays as it is', async () => {
    await fresh()
    const dropped = () => fleet.weir.metric('weir_breaker_dropped_outcomes_total', { cluster: 'shop' })
    const known = await dropped()
    await fleet.withoutStore(async () => {
      fleet.answers(500)
      for (const { status } of await fleet.many(2 * clients)) assert.equal(status, 500)
      await until('outcomes are dropped', async () => (await dropped()) > known)
      const { state, warnings } = await fleet.breaker()
      assert.equal(state, 'closed')
      assert.match(warnings[0], /^the store .*: breakers stay as this replica knew them/)
      const ready = await fleet.weir.api('GET', '/readyz')
      assert.match(ready.body.detail.breakers, /^the store /)
      const set = await fleet.post({ state: 'open' })
      assert.deepEqual([set.status, set.headers.get('retry-after')], [503, '1'])
    })
    await fresh()
    await fleet.set({ state: 'open', for: '1s' })
    await fleet.allAt('open')
    await fleet.withoutStore(async () => {
      const end = Date.parse((await fleet.breaker()).halfOpenAt)
      await until('its time is over', () => Date.now() > end + 100)
      const before = fleet.arrivals.length
      for (const answer of await fleet.many(clients)) assert.equal(retryAfterOf(answer), 1)
      assert.equal(fleet.arrivals.length, before)
    })
    fleet.answers(200)
    await until('a probe closes it', async () => (await fleet.send()).status === 200)
    await fleet.allAt('closed')
  })

  test('each transition is counted once in the fleet, and told', async () => {
    const count = async () => {
      const all = fleet.weirs.map((weir) => weir.metric('weir_breaker_transitions_total', { to: 'open' }))
      return (await Promise.all(all)).reduce((sum, each) => sum + each, 0)
    }
    await fresh()
    const before = await count()
    await open()
    await until('it is counted', async () => (await count()) === before + 1)
    const lines = fleet.weirs.flatMap((weir) =>
      weir
        .output()
        .split('\n')
        .filter((line) => line.includes('"breaker_moved"') && line.includes('"cause":"outcomes"')),
    )
    assert.ok(lines.some((line) => line.includes('"to":"open"')))
  })

  test('a probe whose Envoy is killed is another one’s after its time to live', async () => {
    // A timeout of 1 s, and 5 s; short of that only the others' refusals are looked at.
    await fresh()
    await fleet.set({ state: 'open', for: '1s' })
    await fleet.allAt('open')
    fleet.answers('held')
    const [port, other] = fleet.ports
    await until('a probe arrives', async () => {
      if (fleet.held.length === 0) void fleet.through(port!).catch(() => undefined)
      return fleet.held.length > 0
    })
    const takenAt = fleet.arrivals.at(-1)!
    process.kill(fleet.envoys[0]!.pid, 'SIGKILL')
    fleet.answers(200)
    for (const answer of await Promise.all(Array.from({ length: clients }, () => fleet.through(other!))))
      assert.equal(retryAfterOf(answer), 1)
    if (!isLong) return
    await until('another one goes', async () => (await fleet.through(other!)).status === 200)
    const waited = fleet.arrivals.at(-1)! - takenAt
    assert.ok(waited >= 5_900, `${waited} ms`)
    await fleet.allAt('closed')
  })

  // The last one: it ends what the others need.
  test('a replica that is killed loses nothing; without any the gateways let everything through', async () => {
    fleet.only(1)
    await fresh()
    await fleet.requests(5, 200)
    await fleet.requests(4, 500)
    await fleet.weirs[1]!.end('SIGKILL')
    assert.deepEqual((await fleet.breaker()).outcomes, { failures: 4, of: 9 })
    await fleet.requests(2, 500)
    await fleet.allAt('open', [fleet.weir])
    for (const answer of await fleet.many(clients)) retryAfterOf(answer)
    await fleet.weir.end('SIGKILL')
    fleet.answers(200)
    await until('requests go', async () => (await fleet.many(4)).every(({ status }) => status === 200))
  })
})
