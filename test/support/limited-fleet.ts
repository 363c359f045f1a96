import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { countingTogether } from './counting-together.ts'
import { storeLines } from './decision-log.ts'
import { cluster, gateway, route } from './edge.ts'
import { startTestEnvoy } from './envoy.ts'
import { send } from './http.ts'
import { freePort } from './ports.ts'
import { freshDatabase } from './postgres.ts'
import { steadyLoad } from './steady-load.ts'
import { until } from './until.ts'
import { startUpstream } from './upstream.ts'
import { startWeir, type Weir } from './weir.ts'

export const windowMs = 2_000
export const limit = 40
export const clients = 6
/** A busy machine answers later than a store should: only what is really away is to be found so. */
export const storeTimeoutMs = 250

export type LimitedFleet = Awaited<ReturnType<typeof startLimitedFleet>>

/** Two replicas that count in one store, an Envoy that asks both, and steady load on one limit through it. */
export async function startLimitedFleet(redisUrl: string) {
  await using started = new AsyncDisposableStack()
  const database = await freshDatabase()
  started.defer(database.drop)
  const upstream = await startUpstream('a')
  started.defer(upstream.close)
  const rls = [await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`)
  const environment = {
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl,
    WEIR_SECRET_KEY: randomBytes(32).toString('base64'),
    WEIR_RLS_ENVOY_ADDR: rls.join(),
    WEIR_STORE_TIMEOUT: `${storeTimeoutMs}ms`,
    WEIR_LOG_LEVEL: 'debug',
  }
  const weirs: Weir[] = []
  for (const [index, address] of rls.entries()) {
    const roles: Record<string, string> = index === 0 ? {} : { WEIR_ROLES: 'ratelimit' }
    const weir = await startWeir({ environment: { ...environment, ...roles, WEIR_RLS_ADDR: address } })
    started.defer(async () => void (await weir.end()))
    weirs.push(weir)
  }
  const port = await freePort()
  await weirs[0]!.apply(
    // One that were not answered in time would fail with 500.
    gateway(port, { rateLimitService: { timeout: '3s', onUnavailable: 'deny' } }),
    cluster('a', upstream),
    { kind: 'RateLimitPolicy', name: 'all', spec: fixedWindow },
    route('limited', '/', { rateLimits: ['all'] }),
  )
  const envoy = await startTestEnvoy({ gateway: 'edge', xdsPort: weirs[0]!.xdsPort })
  started.defer(envoy.stop)
  for (const weir of weirs) await countingTogether(weir, weirs.length)
  const healthy = 'cluster.weir_ratelimit.membership_healthy'
  await until('both services are found', async () => (await envoy.stats(healthy))[healthy] === 2)
  await until('it serves', () =>
    send(port, { path: '/' }).then(
      ({ status }) => status === 200 || status === 429,
      () => false,
    ),
  )
  const before = upstream.seen.length
  const load = steadyLoad({ port, windowMs, clients, pauseMs: 20 })
  started.defer(load.stop)
  const running = started.move()

  const said = weirs.map(storeLines)

  async function rungs(): Promise<string[]> {
    const answers = await Promise.all(weirs.map(({ url }) => fetch(`${url}/readyz`)))
    const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as {
      detail: { counters: { rung: string } }
    }[]
    return bodies.map(({ detail }) => detail.counters.rung)
  }

  return {
    envoy,
    load,
    /** What each replica said. */
    lines: () => said.map((lines) => lines()),
    /** Requests of the load that arrived. */
    admitted: () => upstream.seen.length - before,
    allAt: (rung: string) =>
      until(`all at ${rung}`, async () => (await rungs()).every((each) => each === rung), 40),
    stop: () => running.disposeAsync(),
  }
}

const fixedWindow = {
  algorithm: 'fixed_window',
  limit,
  window: `${windowMs / 1_000}s`,
  key: [{ constant: 'all' }],
}

export function windowNow(): number {
  return Math.floor(Date.now() / windowMs)
}

/** Waits for a window to begin, and so many milliseconds more. */
export async function window(number: number, more = 0): Promise<void> {
  await delay(Math.max(0, number * windowMs + more - Date.now()))
}
