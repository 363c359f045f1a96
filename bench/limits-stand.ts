import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { envoyProgram } from '../src/local/envoy-binary.ts'
import { removePostgresData, startPostgres } from '../src/local/postgres.ts'
import { ensureProgram } from '../src/local/program.ts'
import { projectRoot } from '../src/project-root.ts'
import { startTestEnvoy, type TestEnvoy } from '../test/support/envoy.ts'
import { freePort } from '../test/support/ports.ts'
import { until } from '../test/support/until.ts'
import { startWeir, type Weir } from '../test/support/weir.ts'
import { type KeepAlive, keepAlive, requestHead } from './keep-alive.ts'
import { type RecordingUpstream, startRecordingUpstream } from './recording-upstream.ts'

/** What came of a request. Times are `performance.now()`. */
export interface Sent {
  status: number
  sentAt: number
  answeredAt: number
  /** The head of the answer. */
  head: string
}

/** weir, PostgreSQL, one Envoy and an upstream that notes what reaches it. */
export interface LimitsStand {
  weir: Weir
  envoy: TestEnvoy
  port: number
  upstream: RecordingUpstream
  /** That many connections to Envoy. */
  connect(count: number): Promise<KeepAlive[]>
  /** Sends a request on each connection at once. */
  burst(connections: readonly KeepAlive[], path: string): Promise<Sent[]>
  /** Requests that Envoy let pass without a decision, or that got none. */
  undecided(): Promise<number>
}

export interface StandOptions {
  environment?: Record<string, string>
  /** Applied with those of the policies. */
  documents?: object[]
}

/** Each policy by its spec gets a route of its own, under a prefix of its name. Everything ends with the work. */
export async function withLimitsStand<T>(
  policies: Record<string, object>,
  work: (stand: LimitsStand) => Promise<T>,
  options: StandOptions = {},
): Promise<T> {
  const ends: (() => unknown)[] = []
  try {
    return await work(await start(policies, ends, options))
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

async function start(
  policies: Record<string, object>,
  ends: (() => unknown)[],
  options: StandOptions,
): Promise<LimitsStand> {
  const { path: envoyBin } = await ensureProgram(envoyProgram, {
    dataDir: join(projectRoot, '.weir'),
    path: process.env.PATH,
    given: process.env.ENVOY_BIN,
    observe: () => undefined,
  })
  process.env.ENVOY_BIN = envoyBin
  const dataDir = mkdtempSync(join(tmpdir(), 'weir-bench-'))
  ends.push(() => rmSync(dataDir, { recursive: true, force: true }))
  const postgres = await startPostgres({ dataDir, observe: () => {} })
  ends.push(async () => {
    await postgres.stop()
    removePostgresData(dataDir)
  })
  const [upstream, port] = [await startRecordingUpstream(), await freePort()]
  ends.push(upstream.close)
  const weir = await startWeir({ environment: { DATABASE_URL: postgres.url, ...options.environment } })
  ends.push(() => weir.end())
  const documents = [...documentsOf(policies, port, upstream.port), ...(options.documents ?? [])]
  await weir.apply(...documents)
  const envoy = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort, id: 'bench' })
  ends.push(envoy.stop)
  await weir.apply(...documents)
  const tries = async () => {
    const connection = await keepAlive(port).catch(() => undefined)
    connection?.close()
    return connection !== undefined
  }
  await until('the listener accepts', tries)
  return {
    ...{ weir, envoy, port, upstream },
    connect: (count) => Promise.all(Array.from({ length: count }, () => keepAlive(port))),
    burst: (connections, path) => Promise.all(connections.map((connection) => request(connection, path))),
    async undecided() {
      const stats = Object.entries(await envoy.stats('ratelimit'))
      return stats
        .filter(([name]) => /\.ratelimit\.(error|failure_mode_allowed)$/.test(name))
        .reduce((sum, [, count]) => sum + count, 0)
    },
  }
}

function documentsOf(policies: Record<string, object>, port: number, upstream: number): object[] {
  const gateway = {
    listeners: [{ name: 'http', port, protocol: 'http' }],
    // What is measured are the rules, and not how busy this machine is.
    rateLimitService: { timeout: '5s' },
  }
  return [
    { kind: 'Gateway', name: 'edge', spec: gateway },
    { kind: 'Cluster', name: 'main', spec: { endpoints: [{ address: '127.0.0.1', port: upstream }] } },
    ...Object.entries(policies).flatMap(([name, spec]) => {
      const match = { path: { prefix: `/${name}` } }
      const route = { gateways: ['edge'], match, forward: [{ cluster: 'main' }], rateLimits: [name] }
      return [
        { kind: 'RateLimitPolicy', name, spec },
        { kind: 'Route', name, spec: route },
      ]
    }),
  ]
}

/** One request on a connection. */
export async function request(
  connection: KeepAlive,
  path: string,
  headers: Record<string, string> = {},
): Promise<Sent> {
  const sentAt = performance.now()
  const head = await connection.ask(requestHead('bench.example', path, headers))
  return { status: Number(head.slice(9, 12)), sentAt, answeredAt: performance.now(), head }
}
