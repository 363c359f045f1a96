import { parentPort, workerData } from 'node:worker_threads'
import { keptAlive, newConnection } from './http1.ts'
import { multiplexed } from './http2.ts'
import type { Kind, LoadOptions, Report } from './load.ts'
import { reasonOf, type Sender } from './sender.ts'
import { Tally } from './tally.ts'

const options = workerData as LoadOptions
const { ratePerSecond, path, kinds = { keptAlive: 1 }, maxInFlight = 1_000 } = options
const { connections = 16, sessions = 2, expected = [200] } = options

const tickMs = 5
const maxSeconds = 600

const say = (report: Report) => parentPort!.postMessage(report)
const tally = new Tally(expected)
const senders: Record<Kind, Sender> = {
  keptAlive: keptAlive(options, connections, tally),
  http2: multiplexed(options, sessions, tally),
  newConnection: newConnection(options, tally, () => say({ is: 'certificates', seen: tally.certificates })),
}

const host = options.host ?? options.servername ?? `127.0.0.1:${options.port}`
const heads = [options.headers ?? {}].flat().map((headers) => ({ path, headers: { host, ...headers } }))

/** What each kind has to its credit: whichever has most is next. */
const shares = Object.entries(kinds).map(([kind, share]) => ({ kind: kind as Kind, share, credit: 0 }))
const sum = shares.reduce((total, { share }) => total + share, 0)

function nextKind(): Kind {
  for (const each of shares) each.credit += each.share
  const next = shares.reduce((most, each) => (each.credit > most.credit ? each : most))
  next.credit -= sum
  return next.kind
}

const underWay = new Set<Promise<void>>()
let due = 0

function send(dueAt: number): void {
  const kind = nextKind()
  const request = heads[due % heads.length]!
  tally.sent(kind)
  if (underWay.size >= maxInFlight) {
    tally.fail(kind, `not sent: ${maxInFlight} are under way`)
    return
  }
  const one = senders[kind]
    .send(request)
    .then(
      (status) => tally.answered(kind, status, performance.now() - dueAt),
      (error) => tally.fail(kind, reasonOf(error)),
    )
    .finally(() => underWay.delete(one))
  underWay.add(one)
}

const begun = performance.now()
let seconds = 0

/** Sends what is due by now. */
function tick(): void {
  seconds = Math.min((performance.now() - begun) / 1_000, maxSeconds)
  for (const until = Math.floor(seconds * ratePerSecond); due < until; due++)
    send(begun + (due * 1_000) / ratePerSecond)
}

const timer = setInterval(tick, tickMs)

parentPort!.once('message', async () => {
  clearInterval(timer)
  tick()
  await Promise.all(underWay)
  for (const sender of Object.values(senders)) sender.close()
  say({ is: 'stopped', result: tally.result(seconds) })
})
say({ is: 'started' })
