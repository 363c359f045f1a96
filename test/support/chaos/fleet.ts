import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { goneWithin } from '../../../src/local/child.ts'
import { removePostgresData, startPostgres } from '../../../src/local/postgres.ts'
import { countingTogether } from '../counting-together.ts'
import { cluster, route } from '../edge.ts'
import { startTestEnvoy, type TestEnvoy } from '../envoy.ts'
import { send } from '../http.ts'
import { record } from '../local-processes.ts'
import { freePort } from '../ports.ts'
import { startSeveralReplicas } from '../several-replicas.ts'
import { until } from '../until.ts'
import { startValkey, type Valkey } from '../valkey.ts'
import type { Answer } from '../weir.ts'
import { type FaultyUpstream, startFaultyUpstream } from './upstream.ts'

export type ChaosFleet = Awaited<ReturnType<typeof startChaosFleet>>

/** How long anything may take to be well again, on a machine that does something else as well. */
const wellSeconds = 90

/** An Envoy of a gateway of its own. */
export interface Member {
  readonly name: string
  readonly port: number
  envoy: TestEnvoy
}

const names = ['steady', 'restarted']

const onAll = (name: string, path: string | object, more: object) =>
  route(name, path, { gateways: names, ...more })

/** Two weirs, two Envoys, three upstreams, and a PostgreSQL and a Valkey of their own. The first of each is never ended. */
export async function startChaosFleet() {
  await using started = new AsyncDisposableStack()
  const dataDir = mkdtempSync(join(tmpdir(), 'weir-chaos-'))
  const postgres = await startPostgres({ dataDir, observe: () => {} })
  started.defer(async () => {
    await postgres.stop()
    removePostgresData(dataDir)
    rmSync(dataDir, { recursive: true, force: true })
  })
  const valkeyPort = await freePort()
  const valkeyAgain = () => startValkey(['--port', String(valkeyPort)])
  let valkey: Valkey = await valkeyAgain()
  started.defer(() => valkey.stop())
  const upstreams = await Promise.all([0, 1, 2].map(startFaultyUpstream))
  started.defer(async () => void (await Promise.all(upstreams.map((each) => each.close()))))
  const replicas = await startSeveralReplicas([postgres.url, postgres.url], {
    REDIS_URL: `redis://127.0.0.1:${valkeyPort}`,
  })
  started.defer(replicas.stop)
  const places = await Promise.all(names.map(async (name) => ({ name, port: await freePort() })))
  await replicas.weirs[0]!.apply(...documents(places, upstreams), counted(0))
  const [first, ...others] = replicas.xdsPorts
  const join_ = ({ name }: { name: string }) =>
    startTestEnvoy({ gateway: name, id: name, xdsPort: first!, moreXdsPorts: others })
  const members: Member[] = []
  started.defer(async () => void (await Promise.all(members.map(({ envoy }) => envoy.stop()))))
  for (const place of places) members.push({ ...place, envoy: await join_(place) })

  const serves = ({ name, port }: Member) =>
    until(
      `${name} serves`,
      async () => (await Promise.all(paths.map((path) => status(port, path)))).every((each) => each === 200),
      wellSeconds,
    )
  const write = async (index: number, count: number): Promise<boolean> => {
    const { status } = await replicas.weirs[index]!.api('PUT', '/v1/routes/counted', counted(count)).catch(
      () => ({ status: 0 }),
    )
    return status === 200
  }
  const fleet = {
    replicas,
    members,
    upstreams,
    write,
    /** What the route `counted` answers at a member. */
    countAt: async ({ port }: Member) =>
      Number((await send(port, { path: '/counted' }).catch(() => undefined))?.body),
    async endWeir(signal: 'SIGTERM' | 'SIGKILL') {
      await replicas.weirs[1]!.end(signal)
      await replicas.start(1)
      await fleet.countTogether()
    },
    async endValkey() {
      await valkey.stop()
      valkey = await valkeyAgain()
      await fleet.countTogether()
    },
    /** It is started again by who started it. */
    async endPostgres(signal: 'SIGQUIT' | 'SIGKILL') {
      const ended = record(dataDir, 'postgres')
      process.kill(ended.pid, signal)
      await goneWithin(ended, wellSeconds * 1_000) // What is written before that says nothing of the next one.
      for (const index of replicas.weirs.keys())
        await until('a write is taken', () => write(index, 0), wellSeconds)
    },
    async endEnvoy(signal: 'SIGTERM' | 'SIGKILL') {
      const member = members[1]!
      process.kill(member.envoy.pid, signal)
      await member.envoy.stop()
      member.envoy = await join_(member)
      await serves(member)
    },
    async countTogether() {
      for (const weir of replicas.weirs) await countingTogether(weir, replicas.weirs.length, wellSeconds)
    },
    /** Waits until no Envoy has a word against any upstream, and the steady replica none against a cluster. */
    async allHealthy() {
      await until(
        'all upstreams are healthy',
        async () => (await Promise.all(members.map(({ envoy }) => unhealthy(envoy)))).flat().length === 0,
        wellSeconds,
      )
      await fleet.breakerClosed(0)
    },
    async breakerClosed(index: number) {
      let seen: Answer | undefined
      const look = async () => {
        seen = await replicas.weirs[index]!.api('GET', '/v1/breakers')
        return breakers(seen).join() === 'b closed'
      }
      await until(`the breaker is closed at ${index}`, look, wellSeconds).catch((cause: unknown) => {
        throw new Error(`the breaker is not closed: ${JSON.stringify(seen?.body)}`, { cause })
      })
    },
    stop: () => running.disposeAsync(),
  }
  for (const member of members) await serves(member)
  await fleet.countTogether()
  const running = started.move()
  return fleet
}

/** Of a cluster with one endpoint, the first of the upstreams, and with a strict breaker. */
export const fragile = '/fragile'
export const paths = ['/plain', '/limited', fragile]

function documents(places: readonly { name: string; port: number }[], upstreams: readonly FaultyUpstream[]) {
  const gateways = places.map(({ name, port }) => ({
    kind: 'Gateway',
    name,
    spec: { listeners: [{ name: 'http', port, protocol: 'http' }], rateLimitService: { timeout: '500ms' } },
  }))
  const retry = { attempts: 2, on: ['5xx'], perTryTimeout: '1s' }
  const limit = { algorithm: 'sliding_window', limit: 1_000_000, window: '1h', key: [{ client_ip: true }] }
  const ejecting = { consecutive5xx: 5, interval: '500ms', ejectionTime: '1s', maxEjectionPercent: 50 }
  return [
    ...gateways,
    { kind: 'OutlierDetectionPolicy', name: 'short', spec: ejecting },
    cluster('a', [...upstreams], { outlierDetection: 'short' }),
    {
      kind: 'OutlierDetectionPolicy',
      name: 'strict',
      spec: { breaker: { errorRate: 50, window: 10, open: '500ms' } },
    },
    cluster('b', upstreams[0]!, { outlierDetection: 'strict' }),
    { kind: 'RateLimitPolicy', name: 'many', spec: limit },
    onAll('plain', '/plain', { timeout: '4s', retry }),
    onAll('fragile', fragile, { timeout: '4s', forward: [{ cluster: 'b' }] }),
    onAll('limited', '/limited', { timeout: '4s', retry, rateLimits: ['many'] }),
  ]
}

/** The route whose answer says how often it was written. */
function counted(count: number): object {
  return onAll('counted', { path: { exact: '/counted' } }, { respond: { status: 200, body: `${count}` } })
}

function status(port: number, path: string): Promise<number> {
  return send(port, { path }).then(
    (answer) => answer.status,
    () => 0,
  )
}

/** Where the breakers of all clusters stand, as a replica says it. */
function breakers({ body }: Answer): string[] {
  const items: { cluster: string; state: string }[] = body.items ?? []
  return items.map(({ cluster, state }) => `${cluster} ${state}`)
}

interface Clusters {
  cluster_statuses: { name: string; host_statuses?: { health_status: Record<string, unknown> }[] }[]
}

/** The upstreams that an Envoy leaves alone, by what it says of them. */
async function unhealthy({ url }: TestEnvoy): Promise<string[]> {
  const answer = await fetch(`${url}/clusters?format=json`)
  const { cluster_statuses } = (await answer.json()) as Clusters
  const hosts = cluster_statuses.find(({ name }) => name === 'a')?.host_statuses ?? []
  return hosts.flatMap(({ health_status }) =>
    Object.entries(health_status).flatMap(([what, value]) => (value === true ? [what] : [])),
  )
}
