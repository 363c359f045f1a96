/**
 * Sends the same requests to each of the four rules through a real Envoy, writes what became of them to
 * docs/limits-burst.json, and draws that. With `--redraw` it draws what is there. One command: `npm run docs:limits`.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { projectRoot } from '../src/project-root.ts'
import { type DrawnPolicy, type DrawnRun, drawRun } from './limits-drawing.ts'
import { type LimitsStand, request, withLimitsStand } from './limits-stand.ts'

const windowMs = 5_000
const beforeEdgeMs = 1_000
/** Twice what is allowed. */
const [burst, perSecond, seconds] = [40, 4, 20] as const

const key = [{ constant: 'all' }]
const rules = {
  fixed_window: {
    numbers: 'limit 10, window 5s',
    spec: { algorithm: 'fixed_window', limit: 10, window: '5s', key },
  },
  sliding_window: {
    numbers: 'limit 10, window 5s',
    spec: { algorithm: 'sliding_window', limit: 10, window: '5s', key },
  },
  token_bucket: {
    numbers: 'capacity 10, refill 10 every 5s',
    spec: { algorithm: 'token_bucket', capacity: 10, refill: { tokens: 10, every: '5s' }, key },
  },
  leaky_bucket: {
    numbers: 'queue 10, rate 10 every 5s',
    spec: { algorithm: 'leaky_bucket', queue: 10, rate: { requests: 10, every: '5s' }, key },
  },
}

/** When each request is sent, in milliseconds since the first. */
const schedule = [
  ...Array.from({ length: burst }, () => 0),
  ...Array.from({ length: perSecond * seconds }, (_, index) => ((index + 1) * 1_000) / perSecond),
]

async function runPolicy(stand: LimitsStand, name: string, start: number): Promise<DrawnPolicy['requests']> {
  // A connection each, since one may wait in a queue.
  const connections = await stand.connect(schedule.length)
  const startedAt = performance.now() + (start - Date.now())
  const sent = schedule.map(async (due, index): Promise<DrawnPolicy['requests'][number]> => {
    await delay(startedAt + due - performance.now())
    const target = `/${name}?n=${index}`
    const { status, sentAt } = await request(connections[index]!, target)
    const arrival = stand.upstream.arrivals.find((each) => each.target === target)
    if ((status === 200) !== (arrival !== undefined)) throw new Error(`${target} answered ${status}`)
    return [Math.round(sentAt - startedAt), arrival === undefined ? null : Math.round(arrival.at - startedAt)]
  })
  const requests = await Promise.all(sent)
  for (const connection of connections) connection.close()
  return requests
}

async function run(): Promise<DrawnRun> {
  const specs = Object.entries(rules).map(([algorithm, { spec }]) => [nameOf(algorithm), spec] as const)
  const warm = { algorithm: 'fixed_window', limit: 1_000, window: '1h', key }
  return withLimitsStand({ ...Object.fromEntries(specs), warm }, async (stand) => {
    // Envoy opens its own connections now, and the code that decides is compiled.
    const connections = await stand.connect(4 * burst)
    await stand.burst(connections, '/warm')
    const start = (Math.ceil(Date.now() / windowMs) + 1) * windowMs - beforeEdgeMs
    const policies = await Promise.all(
      Object.entries(rules).map(async ([algorithm, { numbers }]) => {
        return [algorithm, { numbers, requests: await runPolicy(stand, nameOf(algorithm), start) }] as const
      }),
    )
    const undecided = await stand.undecided()
    if (undecided > 0) throw new Error(`${undecided} requests got no decision`)
    return { windowMs, beforeEdgeMs, policies: Object.fromEntries(policies) }
  })
}

const nameOf = (algorithm: string) => algorithm.replace('_', '-')

const points = join(projectRoot, 'docs', 'limits-burst.json')
if (!process.argv.includes('--redraw')) writeFileSync(points, `${json(await run())}\n`)
const drawn = JSON.parse(readFileSync(points, 'utf8')) as DrawnRun
writeFileSync(join(projectRoot, 'docs', 'limits-burst.svg'), drawRun(drawn))

/** One line a policy. */
function json({ policies, ...rest }: DrawnRun): string {
  const lines = Object.entries(policies).map(
    ([name, each]) => `    ${JSON.stringify(name)}: ${JSON.stringify(each)}`,
  )
  return `{\n  "windowMs": ${rest.windowMs},\n  "beforeEdgeMs": ${rest.beforeEdgeMs},\n  "policies": {\n${lines.join(',\n')}\n  }\n}`
}
