import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { projectRoot } from '../src/project-root.ts'
import { startValkey } from '../test/support/valkey.ts'
import { type Door, policy } from './attack-asks.ts'
import type { LoadSeen } from './attack-load.ts'
import { cpuOf, cpuOfMachine } from './cpu.ts'
import { type LimitsStand, withLimitsStand } from './limits-stand.ts'
import { endLoad, type Load, startLoad } from './loads.ts'

/** Requests a second that one key is admitted. */
export const limit = 10

export interface Phase {
  loads: LoadSeen[]
  seconds: number
  /** Calls of scripts a second, as Valkey counts them: signs of life (one a second) with them. */
  storeCalls: number
  /** Requests a second that waited for the store, as weir counts them: several go in one call. */
  storeRequests: number
  /** Requests that somebody else than the store decided. */
  withoutStore: number
  /** Cores that were busy with each, and with what is not of this bench: upstreams and its own process with it. */
  cores: { envoy: number; weir: number; valkey: number; loads: number; others: number }
}

export interface AttackStand {
  /** Sends the loads at the same time for that long. */
  phase(door: Door, loads: readonly Load[], seconds: number): Promise<Phase>
}

/** weir with a Valkey, one Envoy with one worker, and loads, each in a process of its own. */
export async function withAttackStand<T>(
  storeTimeout: string,
  work: (stand: AttackStand) => Promise<T>,
): Promise<T> {
  await using ends = new AsyncDisposableStack()
  const valkey = await startValkey()
  ends.defer(valkey.stop)
  const upstream = fork(join(projectRoot, 'bench', 'quick-upstream.ts'))
  ends.defer(() => void upstream.disconnect())
  const [quickPort] = (await once(upstream, 'message')) as [number]
  const client = new Redis({ host: '127.0.0.1', port: valkey.port })
  ends.defer(() => client.disconnect())
  const spec = { algorithm: 'fixed_window', limit, window: '1s', key: [{ header: 'x-tenant' }] }
  const environment = {
    REDIS_URL: `redis://127.0.0.1:${valkey.port}`,
    WEIR_STORE_TIMEOUT: storeTimeout,
  }
  const routed = (name: string, more: object) => ({
    kind: 'Route',
    name,
    spec: { gateways: ['edge'], match: { path: { prefix: `/${name}` } }, ...more },
  })
  const quick = { endpoints: [{ address: '127.0.0.1', port: quickPort }] }
  const documents = [
    { kind: 'Cluster', name: 'quick', spec: quick },
    routed('free', { forward: [{ cluster: 'quick' }] }),
    routed('local', { respond: { status: 200 } }),
  ]
  return await withLimitsStand(
    { [policy]: spec },
    async (stand) =>
      work({ phase: (door, loads, seconds) => phaseOf({ stand, valkey, client }, door, loads, seconds) }),
    { environment, documents },
  )
}

interface Parts {
  stand: LimitsStand
  valkey: { pid: number }
  client: Redis
}

async function phaseOf(
  { stand, valkey, client }: Parts,
  door: Door,
  loads: readonly Load[],
  seconds: number,
): Promise<Phase> {
  const port = door === 'envoy' ? stand.port : stand.weir.rlsPort
  const children = await Promise.all(loads.map((load) => startLoad(door, port, load)))
  const pids = { envoy: stand.envoy.pid, weir: stand.weir.pid, valkey: valkey.pid }
  const look = async () => ({
    calls: await scriptCalls(client),
    waited: await stand.weir.metric('weir_ratelimit_store_seconds_count'),
    elsewhere: await withoutStore(stand),
    at: performance.now(),
    machine: cpuOfMachine(),
    cpu: Object.values(pids).map(cpuOf),
    loads: children.reduce((sum, child) => sum + cpuOf(child.pid!), 0),
  })
  const before = await look()
  for (const child of children) child.send('begin')
  await delay(seconds * 1_000)
  const after = await look()
  const seen = await Promise.all(children.map(endLoad))
  const took = (after.at - before.at) / 1_000
  const cores = (from: number, to: number) => (to - from) / 1_000_000 / took
  const [envoy, weir, store] = before.cpu.map((from, index) => cores(from, after.cpu[index]!))
  const known = { envoy: envoy!, weir: weir!, valkey: store!, loads: cores(before.loads, after.loads) }
  const sum = Object.values(known).reduce((total, each) => total + each, 0)
  return {
    loads: seen,
    seconds: took,
    storeCalls: (after.calls - before.calls) / took,
    storeRequests: (after.waited - before.waited) / took,
    withoutStore: after.elsewhere - before.elsewhere,
    cores: { ...known, others: cores(before.machine, after.machine) - sum },
  }
}

async function withoutStore({ weir }: LimitsStand): Promise<number> {
  const counts = await Promise.all(
    ['joining', 'local', 'allow', 'deny'].map((by) =>
      weir.metric('weir_ratelimit_store_decisions_total', { by }),
    ),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Scripts that Valkey ran since it started. */
async function scriptCalls(client: Redis): Promise<number> {
  const info = await client.info('commandstats')
  return [...info.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  )
}
