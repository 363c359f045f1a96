import { randomBytes } from 'node:crypto'
import type { Agent, ServerResponse } from 'node:http'
import { cluster, gateway } from './edge.ts'
import { startTestEnvoy, type TestEnvoy } from './envoy.ts'
import { type Received, type Sent, send } from './http.ts'
import { freePort } from './ports.ts'
import { freshDatabase } from './postgres.ts'
import { until } from './until.ts'
import { startUpstream } from './upstream.ts'
import { startValkey } from './valkey.ts'
import { startWeir, type Weir } from './weir.ts'

/** How the upstream answers: by a status, or not before a test says so. */
export type Mode = number | 'held'

export type BreakerFleet = Awaited<ReturnType<typeof startBreakerFleet>>

/** A busy machine answers later than a store should. */
const storeTimeout = '1s'

/**
 * Two replicas of weir over one Valkey, the second of which does nothing but decide, and two Envoys, of a gateway each, that
 * ask both. Their routes forward to `shop`, which has a strict breaker, and `/plain` to a cluster that has none.
 */
export async function startBreakerFleet(breaker: object) {
  await using started = new AsyncDisposableStack()
  const valkey = await startValkey()
  started.defer(valkey.stop)
  const database = await freshDatabase()
  started.defer(database.drop)
  let mode: Mode = 200
  const held: ServerResponse[] = []
  /** When each request arrived, in Unix milliseconds. */
  const arrivals: number[] = []
  const upstream = await startUpstream('shop', (response, request) => {
    if (request.url === '/plain') return response.end('plain')
    arrivals.push(Date.now())
    if (mode === 'held') held.push(response)
    else response.writeHead(mode).end(String(mode))
  })
  started.defer(upstream.close)
  const rls = [await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`)
  const shared = {
    ...{ DATABASE_URL: database.url, REDIS_URL: `redis://127.0.0.1:${valkey.port}` },
    ...{ WEIR_SECRET_KEY: randomBytes(32).toString('base64'), WEIR_RLS_ENVOY_ADDR: rls.join() },
    ...{ WEIR_STORE_TIMEOUT: storeTimeout },
  }
  const weirs: Weir[] = []
  for (const [index, address] of rls.entries()) {
    const roles: Record<string, string> = index === 0 ? {} : { WEIR_ROLES: 'ratelimit' }
    const weir = await startWeir({ environment: { ...shared, ...roles, WEIR_RLS_ADDR: address } })
    started.defer(async () => void (await weir.end()))
    weirs.push(weir)
  }
  const [weir] = weirs as [Weir, Weir]
  const gateways = ['edge', 'west']
  const ports = [await freePort(), await freePort()]
  // A probe is held while others ask, however long that takes.
  const all = { gateways, timeout: '20s' }
  await weir.apply(
    ...gateways.map((name, index) => ({
      // Decisions that come late on a busy machine are waited for, so that none is missing.
      ...gateway(ports[index]!, { rateLimitService: { timeout: '10s' } }),
      name,
    })),
    policy(breaker),
    cluster('shop', upstream, { outlierDetection: 'strict' }),
    cluster('plain', upstream, { outlierDetection: 'none' }),
    {
      kind: 'Route',
      name: 'shop',
      spec: { ...all, match: { path: { prefix: '/' } }, forward: [{ cluster: 'shop' }] },
    },
    {
      kind: 'Route',
      name: 'short',
      spec: {
        gateways,
        timeout: '1s',
        match: { path: { prefix: '/short' } },
        forward: [{ cluster: 'shop' }],
      },
    },
    {
      kind: 'Route',
      name: 'plain',
      spec: { ...all, match: { path: { prefix: '/plain' } }, forward: [{ cluster: 'plain' }] },
    },
  )
  const envoys: TestEnvoy[] = []
  for (const name of gateways) {
    const envoy = await startTestEnvoy({ gateway: name, xdsPort: weir.xdsPort, id: name })
    started.defer(envoy.stop)
    envoys.push(envoy)
  }
  const healthy = 'cluster.weir_ratelimit.membership_healthy'
  for (const [index, envoy] of envoys.entries()) {
    await until('both services are found', async () => (await envoy.stats(healthy))[healthy] === 2)
    await until('it serves', () =>
      send(ports[index]!, { path: '/plain' }).then(
        ({ status }) => status === 200,
        () => false,
      ),
    )
  }
  const postTo = async (path: string, body: object) => {
    const response = await fetch(weir.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${weir.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    // biome-ignore lint/suspicious/noExplicitAny: what was asked for, or a problem.
    return { status: response.status, headers: response.headers, body: (await response.json()) as any }
  }
  const post = (body: object) => postTo('/v1/clusters/shop/breaker', body)
  let next = 0
  let used = ports
  const running = started.move()

  const fleet = {
    ...{ valkey, upstream, weirs, weir, envoys, ports, arrivals, held },
    answers(next: Mode) {
      mode = next
      if (next !== 'held') for (const response of held.splice(0)) response.writeHead(next).end(String(next))
    },
    /** Through one Envoy and the other, by turns. */
    send: (sent: Sent = { path: '/' }, agent?: Agent): Promise<Received> =>
      send(used[next++ % used.length]!, sent, agent),
    /** A request that may take 1 s, not 20. */
    through: (port: number): Promise<Received> => send(port, { path: '/short' }),
    /** The other Envoy is no more. */
    only(index: number): void {
      used = [ports[index]!]
    },
    async many(count: number): Promise<Received[]> {
      return Promise.all(Array.from({ length: count }, () => fleet.send()))
    },
    /** Other numbers for it. */
    apply: (breaker: object) => weir.apply(policy(breaker)),
    breaker: async () => (await weir.api('GET', '/v1/clusters/shop/breaker')).body,
    post,
    explained: async (path: string) => (await postTo('/v1/explain', { gateway: 'edge', path })).body,
    async set(body: object) {
      const { status, body: answer } = await post(body)
      if (status !== 200) throw new Error(JSON.stringify(answer))
      return answer
    },
    /** When it opened last, in Unix milliseconds, as the replica said that did it. */
    openedAt(): number {
      const opened = /"to":"open","generation":(\d+)/g
      const all = weirs.flatMap((each) => [...each.output().matchAll(opened)])
      return Math.max(...all.map(([, generation]) => Number(generation))) / 1_000
    },
    /**
     * So many requests that are answered so, and counted. On a busy machine the store may be taken for away for a moment:
     * what is dropped then is sent once more.
     */
    async requests(count: number, status: number): Promise<void> {
      const { generation, outcomes } = await fleet.breaker()
      const dropped = async () => {
        const all = weirs.map((each) => each.metric('weir_breaker_dropped_outcomes_total').catch(() => 0))
        return (await Promise.all(all)).reduce((sum, each) => sum + each, 0)
      }
      const before = await dropped()
      let sent = 0
      fleet.answers(status)
      await until('they are counted', async () => {
        const missing = count - sent + (await dropped()) - before
        const answers = await fleet.many(missing)
        if (answers.some((answer) => answer.status !== status))
          throw new Error(answers.map((answer) => answer.status).join())
        sent += missing
        const now = await fleet.breaker()
        return (
          now.generation !== generation || now.outcomes.of >= Math.min(now.opensAt.of, outcomes.of + count)
        )
      })
    },
    /** The store is paused while `work` is done; then every replica is back at it. */
    async withoutStore(work: () => Promise<void>): Promise<void> {
      const rungs = async () => {
        const all = await Promise.all(weirs.map((each) => each.api('GET', '/readyz')))
        return all.map(({ body }) => body.detail.counters.rung)
      }
      process.kill(valkey.pid, 'SIGSTOP')
      try {
        await until('it is away', async () => (await rungs()).every((rung) => rung === 'away'))
        await work()
      } finally {
        process.kill(valkey.pid, 'SIGCONT')
      }
      await until('it is back', async () => (await rungs()).every((rung) => rung === 'store'))
    },
    /** Every replica knows that it is so. */
    async allAt(state: 'closed' | 'half_open' | 'open', which = weirs): Promise<void> {
      const number = { closed: 0, half_open: 1, open: 2 }[state]
      for (const each of which)
        await until(`it is ${state}`, async () => {
          return (await each.metric('weir_breaker_state', { cluster: 'shop' })) === number
        })
    },
    stop: () => running.disposeAsync(),
  }
  // Each replica is asked once at least.
  await until('both know it', async () => {
    await fleet.many(4)
    const states = await Promise.all(weirs.map((each) => each.api('GET', '/metrics')))
    return states.every(({ body }) => String(body).includes('weir_breaker_state{cluster="shop"} 0'))
  })
  return fleet
}

function policy(breaker: object): object {
  return { kind: 'OutlierDetectionPolicy', name: 'strict', spec: { breaker } }
}
