/**
 * What a decision costs in CPU, the service's and the store's: weir beside envoyproxy/ratelimit with the same Valkey, alone
 * and as a cluster of three, in the same run. One command: `npm run bench:store`. It needs `VALKEY_BIN`, and for the
 * reference Go, by which envoyproxy/ratelimit is built, or its binary in `RATELIMIT_BIN`.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism, loadavg } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { projectRoot } from '../src/project-root.ts'
import type { TransportName } from '../src/ratelimit/transports/transport.ts'
import { cpuOf } from './cpu.ts'
import { quantile } from './quantile.ts'
import { envoyproxy } from './references.ts'
import type { Asked } from './store-load.ts'
import { type Service, type Stores, startReference, startStores, startWeirService } from './store-services.ts'
import { head, print, row } from './table.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '40000' },
    keys: { type: 'string', default: '100000' },
    inFlight: { type: 'string', default: '128' },
    runs: { type: 'string', default: '3' },
  },
})

const reference = 'envoyproxy/ratelimit'

interface Case {
  store: Stores['kind'] | 'memory'
  policies: number
  side: 'envoyproxy/ratelimit' | 'weir, grpc-js' | 'weir, lane'
}

/** Microseconds of CPU a decision, and what the load saw. */
interface Cost extends Asked {
  service: number
  store: number
}

async function load(service: Service, policies: number, requests: number): Promise<Asked> {
  const options = { port: service.port, requests, policies, keys: values.keys, inFlight: values.inFlight }
  const args = Object.entries({ ...options, dialect: service.dialect }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ])
  const child = spawn(process.execPath, [join(projectRoot, 'bench', 'store-load.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  if (code !== 0) throw new Error(`the load ended with ${code}`)
  return JSON.parse(output)
}

async function measure(service: Service, policies: number, stores?: Stores): Promise<Cost> {
  const requests = Number(values.requests)
  await load(service, policies, requests / 4)
  const ofStores = () => (stores?.pids ?? []).reduce((sum, pid) => sum + cpuOf(pid), 0)
  const before = { service: cpuOf(service.pid), store: ofStores() }
  const asked = await load(service, policies, requests)
  const each = (microseconds: number) => microseconds / requests
  return {
    ...asked,
    service: each(cpuOf(service.pid) - before.service),
    store: each(ofStores() - before.store),
  }
}

async function measured({ store, policies, side }: Case): Promise<Cost> {
  const stores = store === 'memory' ? undefined : await startStores(store)
  try {
    const service =
      side === reference
        ? await startReference(binary!, stores!)
        : await startWeirService(policies, transportOf(side), stores)
    try {
      return await measure(service, policies, stores)
    } finally {
      await service.stop()
    }
  } finally {
    await stores?.stop()
  }
}

function transportOf(side: Exclude<Case['side'], typeof reference>): TransportName {
  return side === 'weir, lane' ? 'lane' : 'grpc-js'
}

const binary = await envoyproxy()
if (binary === undefined) print('No Go and no RATELIMIT_BIN: without the reference.\n')
const cases: Case[] = (['single', 'cluster', 'memory'] as const).flatMap((store) =>
  [1, 4].flatMap((policies) =>
    ([reference, 'weir, grpc-js', 'weir, lane'] as const)
      .filter((side) => side !== reference || (binary !== undefined && store !== 'memory'))
      .map((side) => ({ store, policies, side })),
  ),
)
const runs = Number(values.runs)
print(
  `Median of ${runs} runs of ${values.requests} requests each, ${values.inFlight} at a time, ${values.keys} keys; ` +
    `${availableParallelism()} cores, load ${loadavg()[0]!.toFixed(1)} before. CPU is in microseconds.\n`,
)
const seen = new Map<Case, Cost[]>(cases.map((each) => [each, []]))
// In turns, so that what else this machine does meets all of them.
for (let run = 0; run < runs; run++) for (const each of cases) seen.get(each)!.push(await measured(each))

const totalOf = (costs: readonly Cost[]) => median(costs, ({ service, store }) => service + store)
const columns = ['store', 'policies', '', 'service', 'store', 'both', 'least to most', 'of the reference']
columns.push('decisions/s', 'p50 ms', 'p99 ms', 'refused')
head(...columns)
for (const [{ store, policies, side }, costs] of seen) {
  const beside = cases.find(
    (each) => each.store === store && each.policies === policies && each.side === reference,
  )
  const ratio = beside === undefined ? '' : `${(totalOf(costs) / totalOf(seen.get(beside)!)).toFixed(2)}x`
  const totals = costs.map((cost) => cost.service + cost.store)
  const shown = (of: (cost: Cost) => number, digits = 1) => median(costs, of).toFixed(digits)
  row(
    ...[store, policies, side, shown((cost) => cost.service), shown((cost) => cost.store)],
    ...[totalOf(costs).toFixed(1), `${Math.min(...totals).toFixed(1)} to ${Math.max(...totals).toFixed(1)}`],
    ...[ratio, shown((cost) => cost.perSecond, 0), shown((cost) => cost.p50), shown((cost) => cost.p99)],
    Math.max(...costs.map((cost) => cost.overLimit)),
  )
}
print(`\nThe load of this machine was ${loadavg()[0]!.toFixed(1)} at the end.`)

function median(costs: readonly Cost[], of: (cost: Cost) => number): number {
  return quantile(costs.map(of), 0.5)
}
