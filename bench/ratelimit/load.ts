/**
 * A part of `bench:ratelimit`: asks a rate-limit service as Envoy does, over two connections, in a process of its own. It
 * prints `measuring` once it is warm, and what it saw as JSON.
 */

import { parseArgs } from 'node:util'
import { Asking } from './asking.ts'
import { question } from './question.ts'
import type { Dialect } from './service.ts'

export interface Asked {
  answers: number
  perSecond: number
  /** Milliseconds. */
  p50: number
  p99: number
  overLimit: number
  /** Microseconds of the load's own CPU an answer, and its share of a core. */
  ownCpu: number
  ownShare: number
}

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    dialect: { type: 'string' },
    policies: { type: 'string' },
    keys: { type: 'string' },
    warmSeconds: { type: 'string' },
    seconds: { type: 'string' },
    /** Calls on each connection. */
    inFlight: { type: 'string', default: '64' },
  },
})
const connections = 2

/** Answers by their time in microseconds; what takes a second or more is in the last place. */
const times = new Uint32Array(1_000_001)
let answers = 0
let overLimit = 0
let measuring = false

const asking = Array.from(
  { length: connections },
  () =>
    new Asking({
      port: Number(values.port),
      question: question(values.dialect as Dialect, Number(values.policies)),
      keys: Number(values.keys),
      inFlight: Number(values.inFlight),
      onAnswers(started, count, now) {
        if (!measuring) return
        for (let index = 0; index < count; index++) {
          times[Math.min(times.length - 1, Math.round((now - started[index]!) * 1_000))]!++
        }
        answers += count
      },
      onOverLimit() {
        if (measuring) overLimit++
      },
    }),
)

function quantile(share: number): number {
  let seen = 0
  for (const [time, count] of times.entries()) {
    seen += count
    if (seen >= answers * share) return time / 1_000
  }
  return Number.NaN
}

const wait = (seconds: string) => new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1_000))
await wait(values.warmSeconds!)
process.stdout.write('measuring\n')
const [started, cpu] = [performance.now(), process.cpuUsage()]
measuring = true
await wait(values.seconds!)
measuring = false
const seconds = (performance.now() - started) / 1_000
const { user, system } = process.cpuUsage(cpu)
for (const each of asking) each.stop()
const asked: Asked = {
  ...{ answers, perSecond: answers / seconds, p50: quantile(0.5), p99: quantile(0.99), overLimit },
  ...{ ownCpu: (user + system) / answers, ownShare: (user + system) / seconds / 1_000_000 },
}
process.stdout.write(JSON.stringify(asked))
