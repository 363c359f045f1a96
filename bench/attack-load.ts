/**
 * A part of `bench:attack`: sends at a rate of its own, whatever comes back, in a process of its own. Begins and ends as it
 * is told to, and tells what it saw.
 */

import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Answered, asksOf, type Door, type Who } from './attack-asks.ts'
import { quantile } from './quantile.ts'
import { openStreams } from './streams.ts'

const { values } = parseArgs({
  options: {
    door: { type: 'string' },
    who: { type: 'string' },
    port: { type: 'string' },
    /** Requests a second. */
    rate: { type: 'string' },
    /** Requests under way at most; what is due beyond that is sent once there is room. */
    inFlight: { type: 'string' },
  },
})

export interface LoadSeen {
  /** Answers, by what they said; those that came within the time, but of honest requests all that were due in it. */
  answers: Record<Answered, number>
  seconds: number
  /**
   * Milliseconds from when an honest request was due, so that none is left out that was sent late since another one was
   * not answered.
   */
  p50: number
  p99: number
}

const [rate, inFlight] = [Number(values.rate), Number(values.inFlight)]
const { asks, answerOf } = asksOf(values.door as Door, values.who as Who)
const connections = await Promise.all([0, 1].map(() => openStreams(Number(values.port))))
const answers: LoadSeen['answers'] = { passed: 0, refused: 0, other: 0 }
const times: number[] = []
const isHonest = values.who === 'honest'
let [sent, underWay, begun] = [0, 0, 0]
let timer: NodeJS.Timeout | undefined

const dueBy = (now: number) => Math.floor(((now - begun) * rate) / 1_000) + 1
const dueAt = (index: number) => begun + (index * 1_000) / rate

function send(): void {
  const due = dueAt(sent)
  underWay++
  connections[sent % connections.length]!.send(asks[sent % asks.length]!, (answer) => {
    underWay--
    answers[answerOf(answer)]++
    const now = performance.now()
    if (isHonest) times.push(now - due)
    if (timer !== undefined) catchUp(now)
  })
  sent++
}

function catchUp(now: number): void {
  for (const until = dueBy(now); sent < until && underWay < inFlight; ) send()
}

function tick(): void {
  catchUp(performance.now())
  timer = setTimeout(tick, Math.max(1, dueAt(sent) - performance.now()))
}

process.send!('ready')
await once(process, 'message')
begun = performance.now()
tick()
await once(process, 'message')
clearTimeout(timer)
timer = undefined
const seconds = (performance.now() - begun) / 1_000
if (isHonest) await answered(dueBy(performance.now()))
const told: LoadSeen = {
  ...{ answers, seconds },
  p50: isHonest ? quantile(times, 0.5) : 0,
  p99: isHonest ? quantile(times, 0.99) : 0,
}
await new Promise((resolve) => process.send!(told, resolve))
process.disconnect!()
for (const connection of connections) connection.close()

/** Sends what was due, and waits for its answers: the slowest must not be left out. */
async function answered(due: number): Promise<void> {
  const deadline = performance.now() + 10_000
  while (sent < due || underWay > 0) {
    if (performance.now() > deadline) throw new Error(`${underWay} honest requests were not answered`)
    while (sent < due && underWay < inFlight) send()
    await delay(5)
  }
}
