/**
 * What a breaker costs a request: wrk through one Envoy, on routes that differ in their cluster's breaker alone, in turns.
 * One command: `npm run bench:breaker-cost [seconds a turn]`; needs wrk and nginx, takes a minute.
 */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { cpuOf } from './cpu.ts'
import { type LimitsStand, withLimitsStand } from './limits-stand.ts'
import { quantile } from './quantile.ts'
import { startUpstream } from './ratelimit/nginx.ts'
import { installed } from './references.ts'
import { head, print, row } from './table.ts'

const [seconds = 5] = process.argv.slice(2).map(Number)
const rounds = 3
const connections = 32

const policies: [name: string, title: string, spec: object | undefined][] = [
  ['none', '`none`', undefined],
  ['hosts', '`preset: hosts`', { preset: 'hosts' }],
  ['strict', '`breaker`', { breaker: { errorRate: 50, window: 10, open: '30s' } }],
]

/** Of one turn; times are microseconds of CPU a request. */
interface Turn {
  perSecond: number
  p50: number
  p99: number
  envoy: number
  weir: number
}

function documents(port: number): object[] {
  const endpoints = [{ address: '127.0.0.1', port }]
  return policies.flatMap(([name, , spec]) => [
    ...(spec === undefined ? [] : [{ kind: 'OutlierDetectionPolicy', name, spec }]),
    { kind: 'Cluster', name, spec: { endpoints, outlierDetection: spec === undefined ? 'none' : name } },
    {
      kind: 'Route',
      name,
      spec: {
        gateways: ['edge'],
        match: { path: { prefix: `/${name}` } },
        forward: [{ cluster: name }],
        rewrite: { prefix: '/' },
      },
    },
  ])
}

async function turn(wrk: string, { envoy, weir, port }: LimitsStand, name: string): Promise<Turn> {
  const before = { envoy: cpuOf(envoy.pid), weir: cpuOf(weir.pid) }
  const { stdout } = await promisify(execFile)(wrk, [
    ...['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--latency'],
    `http://127.0.0.1:${port}/${name}`,
  ])
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrk:\n${stdout}`)
  const requests = Number(/(\d+) requests in/.exec(stdout)![1])
  return {
    perSecond: Number(/Requests\/sec: +([\d.]+)/.exec(stdout)![1]),
    p50: milliseconds(/50% +(\S+)/.exec(stdout)![1]!),
    p99: milliseconds(/99% +(\S+)/.exec(stdout)![1]!),
    envoy: (cpuOf(envoy.pid) - before.envoy) / requests,
    weir: (cpuOf(weir.pid) - before.weir) / requests,
  }
}

function milliseconds(text: string): number {
  const [, number, unit] = /^([\d.]+)(us|ms|s)$/.exec(text)!
  return Number(number) * { us: 0.001, ms: 1, s: 1_000 }[unit as 'us' | 'ms' | 's']
}

async function measure(wrk: string, stand: LimitsStand): Promise<void> {
  const turns = new Map<string, Turn[]>(policies.map(([name]) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const [name] of policies) {
      const seen = await turn(wrk, stand, name)
      // The first warms up.
      if (round > 0) turns.get(name)!.push(seen)
    }
  }
  const undecided = await stand.undecided()
  print(
    `wrk with ${connections} connections, median of ${rounds} turns of ${seconds} s; ${undecided} undecided`,
  )
  head('', 'requests/s', 'p50, ms', 'p99, ms', 'Envoy, us of CPU', 'weir, us of CPU')
  for (const [name, title] of policies) {
    const median = (part: (turn: Turn) => number) => quantile(turns.get(name)!.map(part), 0.5)
    row(
      ...[title, median(({ perSecond }) => perSecond).toFixed(0)],
      ...[median(({ p50 }) => p50).toFixed(2), median(({ p99 }) => p99).toFixed(2)],
      ...[median(({ envoy }) => envoy).toFixed(1), median(({ weir }) => weir).toFixed(1)],
    )
  }
}

const [wrk, nginx] = [await installed('WRK_BIN', 'wrk'), await installed('NGINX_BIN', 'nginx')]
if (wrk === undefined || nginx === undefined)
  throw new Error('wrk and nginx are needed: install both, or name them by WRK_BIN and NGINX_BIN')
const upstream = await startUpstream(nginx)
try {
  await withLimitsStand({}, (stand) => measure(wrk, stand), { documents: documents(upstream.port) })
} finally {
  await upstream.stop()
}
