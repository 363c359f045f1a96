import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { cluster, gateway, route } from '../support/edge.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { send } from '../support/http.ts'
import { startLoad } from '../support/load/load.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { type SeveralReplicas, startSeveralReplicas } from '../support/several-replicas.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

/** WEIR_LONG=1 kills one each 20 s for three minutes; else three, each as soon as all is well again after the one before. */
const isLong = process.env.WEIR_LONG === '1'
const { kills, everyMs, awayMs, ratePerSecond, writeEveryMs } = isLong
  ? { kills: 9, everyMs: 20_000, awayMs: 5_000, ratePerSecond: 200, writeEveryMs: 500 }
  : { kills: 3, everyMs: 0, awayMs: 0, ratePerSecond: 50, writeEveryMs: 100 }

/** How far an Envoy may be behind what is written, from when it has a stream again (long runs; a test machine may be slow). */
const behindMs = 2_000

let database: FreshDatabase
let upstream: Upstream
let replicas: SeveralReplicas
/** Each with a gateway of its own, so that each has a port of its own. */
let gateways: { name: string; port: number; envoy: TestEnvoy }[]

before(async () => {
  database = await freshDatabase()
  upstream = await startUpstream('a')
  replicas = await startSeveralReplicas([database.url, database.url, database.url])
  const places = await Promise.all(
    ['edge-0', 'edge-1'].map(async (name) => ({ name, port: await freePort() })),
  )
  const policy = { algorithm: 'sliding_window', limit: 1_000_000, window: '1h', key: [{ client_ip: true }] }
  await replicas.weirs[0]!.apply(
    ...places.map(({ name, port }) => gateway(port, { rateLimitService: { timeout: '2s' } }, name)),
    cluster('a', upstream),
    { kind: 'RateLimitPolicy', name: 'many', spec: policy },
    onBoth('all', '/'),
    onBoth('limited', '/limited', { rateLimits: ['many'] }),
    counted(0),
  )
  const [first, ...others] = replicas.xdsPorts
  gateways = await Promise.all(
    places.map(async ({ name, port }) => {
      const at = { xdsPort: first!, moreXdsPorts: others }
      return {
        name,
        port,
        envoy: await startTestEnvoy({ gateway: name, id: name, drainSeconds: 600, ...at }),
      }
    }),
  )
  for (const { name, port } of gateways)
    await until(`${name} serves`, async () => (await countAt(port)) === 0)
})
after(async () => {
  for (const { envoy } of gateways ?? []) await envoy.stop()
  await replicas?.stop()
  await upstream?.close()
  await database?.drop()
})

const onBoth = (name: string, path: string | object, more: object = {}) =>
  route(name, path, { gateways: ['edge-0', 'edge-1'], ...more })

/** The route whose answer is how often it was written. */
const counted = (count: number) =>
  onBoth('counted', { path: { exact: '/counted' } }, { respond: { status: 200, body: `${count}` } })

async function countAt(port: number, agent: Agent | false = false): Promise<number | undefined> {
  const answer = await send(port, { path: '/counted' }, agent).catch(() => undefined)
  return answer?.status === 200 ? Number(answer.body) : undefined
}

interface Written {
  count: number
  revision: number
  /** When its answer was there, in milliseconds. */
  at: number
}

/** Writes again and again, to one replica after the other, each until one of them answers that it is written. */
function startWriter() {
  const written: Written[] = []
  let isOver = false

  async function write(count: number): Promise<Written> {
    for (let turn = count; ; turn++) {
      const weir = replicas.weirs[turn % replicas.weirs.length]!
      const answer = await fetch(`${weir.url}/v1/routes/counted`, {
        method: 'PUT',
        headers: {
          authorization: `Bearer ${weir.token}`,
          'content-type': 'application/json',
          'idempotency-key': `count-${count}`,
        },
        body: JSON.stringify(counted(count)),
      }).catch(() => undefined)
      if (answer?.status === 200) {
        const { revision } = (await answer.json()) as { revision: number }
        return { count, revision, at: performance.now() }
      }
      await answer?.body?.cancel()
      if (isOver) throw new Error(`the test ended before number ${count} was written`)
      await delay(20)
    }
  }

  const done = (async () => {
    for (let count = 1; !isOver; count++) {
      written.push(await write(count))
      await delay(writeEveryMs)
    }
  })()
  return {
    written,
    async stop() {
      isOver = true
      await done.catch(() => {})
    },
  }
}

/** Looks again and again what an Envoy serves, and whether it has a stream. */
function startWatch({ port, envoy }: { port: number; envoy: TestEnvoy }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const failed: number[] = []
  /** By count, when it was served first; and when a stream was there that had not been. */
  const served: { count: number; at: number }[] = []
  const connected: number[] = []
  let isConnected = true
  let isOver = false
  const done = (async () => {
    while (!isOver) {
      const count = await countAt(port, agent)
      if (count === undefined) failed.push(performance.now())
      else if (count !== served.at(-1)?.count) served.push({ count, at: performance.now() })
      const name = 'control_plane.connected_state'
      const has = (await envoy.stats(name).catch((): Record<string, number> => ({})))[name] === 1
      if (has && !isConnected) connected.push(performance.now())
      isConnected = has
      await delay(20)
    }
    agent.destroy()
  })()
  return {
    failed,
    served,
    connected,
    /** How long after it was written, or after the Envoy had a stream again if that was later, it was served. */
    lateness({ count, at }: Written): number {
      const seen = served.find((each) => each.count >= count)
      if (seen === undefined) return Number.POSITIVE_INFINITY
      const back = connected.filter((each) => each > at && each <= seen.at).at(-1) ?? at
      return seen.at - back
    },
    async stop() {
      isOver = true
      await done
    },
  }
}

/** Every revision, oldest first. */
async function revisions(): Promise<number[]> {
  const found: number[] = []
  for (let next: string | null = ''; next !== null; ) {
    const cursor = next === '' ? '' : `&cursor=${next}`
    const { body } = await replicas.weirs[0]!.api('GET', `/v1/revisions?limit=500${cursor}`)
    found.push(...body.items.map(({ revision }: { revision: number }) => revision))
    next = body.next
  }
  return found.reverse()
}

async function stateAt(revision: number): Promise<number> {
  const { body } = await replicas.weirs[0]!.api('GET', `/v1/routes/counted?at=${revision}`)
  return Number(body.spec.respond.body)
}

test(`three replicas, of which ${kills} times one is killed: no request fails, no revision is lost, no Envoy stays behind`, async (t: TestContext) => {
  const loads = await Promise.all(
    gateways.flatMap(({ port }) =>
      // Enough connections that no request waits for another one's decision.
      ['/', '/limited'].map((path) =>
        startLoad({ port, path, ratePerSecond: ratePerSecond / 4, connections: 64 }),
      ),
    ),
  )
  const writer = startWriter()
  const watches = gateways.map(startWatch)
  // A test that fails must end.
  t.after(() => Promise.all([writer, ...watches].map((each) => each.stop())))
  const caughtUp = async (what: string) => {
    const { count } = writer.written.at(-1) ?? { count: 0 }
    for (const { served } of watches) {
      await until(`${what} at ${count}`, () => (served.at(-1)?.count ?? -1) >= count)
    }
  }
  for (let kill = 0; kill < kills; kill++) {
    const started = performance.now()
    const index = kill % replicas.weirs.length
    const before = writer.written.length
    await replicas.weirs[index]!.end('SIGKILL')
    await until('it is written on', () => writer.written.length >= before + 3)
    await caughtUp('both Envoys are')
    await delay(Math.max(0, awayMs - (performance.now() - started)))
    const away = performance.now() - started
    await replicas.start(index)
    const back = performance.now() - started
    t.diagnostic(
      `${new Date(Date.now() - back).toISOString()}: replica ${index} killed; started anew after ${Math.round(away)} ms, there after ${Math.round(back)} ms`,
    )
    await caughtUp('all are back, and both Envoys')
    await delay(Math.max(0, everyMs - (performance.now() - started)))
  }
  await writer.stop()
  await caughtUp('in the end both Envoys are')
  for (const watch of watches) await watch.stop()

  for (const load of loads) {
    const { sent, statuses, failures, latencyMs } = await load.stop()
    const { p50, p99, max } = latencyMs
    t.diagnostic(`${sent} requests, ${failures.length} failed, p50 ${p50} p99 ${p99} max ${max} ms`)
    assert.deepEqual(failures, [])
    assert.deepEqual(statuses, { 200: sent })
  }
  const { written } = writer
  const first = written[0]!.revision
  const all = await revisions()
  assert.deepEqual(
    all.filter((revision) => revision >= first),
    written.map(({ revision }) => revision),
  )
  for (const { count, revision } of isLong ? written : written.slice(-20))
    assert.equal(await stateAt(revision), count)
  for (const [index, watch] of watches.entries()) {
    assert.deepEqual(watch.failed, [])
    const late = written.map(watch.lateness).sort((a, b) => a - b)
    const at = (part: number) => Math.round(late[Math.min(late.length - 1, Math.floor(part * late.length))]!)
    t.diagnostic(
      `edge-${index}: ${written.length} writes, ${watch.connected.length} new streams, behind by p50 ${at(0.5)} p99 ${at(0.99)} max ${at(1)} ms`,
    )
    assert.ok(at(1) < (isLong ? behindMs : Number.POSITIVE_INFINITY))
  }
  const path = '/v1/routes/counted?wait=acked&timeout=30s'
  const { body } = await replicas.weirs[0]!.api('PUT', path, counted(written.length + 1))
  assert.equal(body.delivery.state, 'acked')
  assert.deepEqual(body.delivery.envoys.map(({ id }: { id: string }) => id).sort(), ['edge-0', 'edge-1'])
})
