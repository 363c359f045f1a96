/**
 * What reaches an upstream that fails, behind each breaker, by the same traffic in the same run: one weir, one Envoy, and
 * an upstream, a cluster and a route for each row. One command: `npm run bench:breaker [requests a second] [seconds of
 * failing]`.
 */
import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { send } from '../test/support/http.ts'
import { startUpstream, type Upstream } from '../test/support/upstream.ts'
import { withLimitsStand } from './limits-stand.ts'
import { head, print, row } from './table.ts'

const [rate = 100, failingSeconds = 20] = process.argv.slice(2).map(Number)
const healthySeconds = { before: 3, after: 13 }
const open = '5s'

const rows: [name: string, title: string, spec: object | undefined][] = [
  ['none', '`none`', undefined],
  ['hosts', '`preset: hosts`', { preset: 'hosts', ejectionTime: open }],
  ['quick', '`preset: hosts, interval: 250ms`', { preset: 'hosts', interval: '250ms', ejectionTime: open }],
  ['strict', '`breaker`', { breaker: { errorRate: 50, window: 10, open } }],
]

/** What a row saw, by the clock of the run. */
interface Seen {
  /** When requests reached the upstream, which had no answer but 500 then. Milliseconds. */
  failed: number[]
  answers: { at: number; status: number }[]
}

let failing = false

async function main(): Promise<void> {
  const seen = new Map<string, Seen>(rows.map(([name]) => [name, { failed: [], answers: [] }]))
  const upstreams = new Map<string, Upstream>()
  for (const [name] of rows) {
    const answer = await startUpstream(name, (response) => {
      if (failing) seen.get(name)!.failed.push(performance.now())
      response.statusCode = failing ? 500 : 200
      response.end()
    })
    upstreams.set(name, answer)
  }
  try {
    await withLimitsStand({}, ({ port }) => run(port, seen), { documents: documents(upstreams) })
  } finally {
    await Promise.all([...upstreams.values()].map((upstream) => upstream.close()))
  }
}

function documents(upstreams: ReadonlyMap<string, Upstream>): object[] {
  return rows.flatMap(([name, , spec]) => {
    const endpoints = [{ address: '127.0.0.1', port: upstreams.get(name)!.port }]
    const cluster = { endpoints, outlierDetection: spec === undefined ? 'none' : name }
    const route = {
      gateways: ['edge'],
      match: { path: { prefix: `/${name}` } },
      forward: [{ cluster: name }],
    }
    return [
      ...(spec === undefined ? [] : [{ kind: 'OutlierDetectionPolicy', name, spec }]),
      { kind: 'Cluster', name, spec: cluster },
      { kind: 'Route', name, spec: route },
    ]
  })
}

async function run(port: number, seen: ReadonlyMap<string, Seen>): Promise<void> {
  const agent = new Agent({ keepAlive: true })
  const under: Promise<unknown>[] = []
  const began = performance.now()
  const failsFrom = began + healthySeconds.before * 1_000
  const failsUntil = failsFrom + failingSeconds * 1_000
  const ends = failsUntil + healthySeconds.after * 1_000
  for (let count = 0; performance.now() < ends; count++) {
    const now = performance.now()
    failing = now >= failsFrom && now < failsUntil
    for (const [name] of rows) {
      const asked = send(port, { path: `/${name}` }, agent).then(({ status }) =>
        seen.get(name)!.answers.push({ at: now, status }),
      )
      under.push(asked.catch(() => undefined))
    }
    await delay(Math.max(0, began + ((count + 1) * 1_000) / rate - performance.now()))
  }
  await Promise.all(under)
  agent.destroy()
  print(`${rate} requests a second, the upstream answers 500 for ${failingSeconds} s; open for ${open}`)
  head(
    ...[
      '',
      'reached the failing upstream',
      'at once, and each time it was tried again',
      'clients got 500, 503',
    ],
    'first refused after',
    'served again after',
  )
  for (const [name, title] of rows) row(title, ...figures(seen.get(name)!, failsFrom, failsUntil))
}

function figures({ failed, answers }: Seen, failsFrom: number, failsUntil: number): (string | number)[] {
  const after = answers.filter(({ at }) => at >= failsFrom).sort((a, b) => a.at - b.at)
  const refused = after.find(({ status }) => status === 503)
  const served = after.find(({ at, status }) => at >= failsUntil && status === 200)
  const got = (wanted: number) => answers.filter(({ status }) => status === wanted).length
  const seconds = (from: number, to: number | undefined) =>
    to === undefined ? '-' : `${((to - from) / 1_000).toFixed(2)} s`
  return [
    failed.length,
    bursts(failed).join(', '),
    `${got(500)}, ${got(503)}`,
    seconds(failsFrom, refused?.at),
    seconds(failsUntil, served?.at),
  ]
}

/** How many came together, with no second without any between them. */
function bursts(times: readonly number[]): number[] {
  const sizes: number[] = []
  let last = Number.NEGATIVE_INFINITY
  for (const time of [...times].sort((a, b) => a - b)) {
    if (time - last > 1_000) sizes.push(0)
    sizes[sizes.length - 1]! += 1
    last = time
  }
  return sizes
}

await main()
