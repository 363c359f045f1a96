/**
 * What floods do to others: the 99th percentile of honest calls with an attacker beside them and without, the median of
 * some rounds, and what idle connections take. One command: `npm run bench:floods`.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { attacks } from '../test/grpc-lane/attacks.ts'
import { until } from '../test/support/until.ts'
import { rssOf } from './cpu.ts'
import { ended } from './processes.ts'
import { verdict } from './ratelimit/goals.ts'
import { measure } from './ratelimit/measure.ts'
import type { Service } from './ratelimit/service.ts'
import { startWeir } from './ratelimit/services.ts'
import { head, print, row } from './table.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    attacks: { type: 'string', default: Object.keys(attacks).join() },
    /** Calls in flight on each of two connections. */
    inFlight: { type: 'string', default: '8' },
    idle: { type: 'string', default: '10000' },
  },
})
const load = { policies: 1, keys: 10_000 }
const [mostTimes, mostIdleKib] = [3, 10]

function attacker(service: Service, options: Record<string, string>): ChildProcess {
  const args = Object.entries({ port: service.port, ...options }).flatMap(([name, value]) => [
    `--${name}`,
    `${value}`,
  ])
  const child = spawn(process.execPath, [join(import.meta.dirname, 'floods', 'attacker.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // It is elsewhere in the world, and takes none of the CPU that the honest have.
  setPriority(child.pid!, constants.priority.PRIORITY_LOW)
  return child
}

async function honest(service: Service): Promise<number> {
  const times = { seconds: Number(values.seconds), warmSeconds: 0.5, inFlight: Number(values.inFlight) }
  return (await measure(service, load, times)).p99
}

async function flood(name: string): Promise<void> {
  const { rule } = attacks[name]!
  const service = await startWeir('lane', load)
  const alone: number[] = []
  const beside: number[] = []
  try {
    await honest(service)
    for (let round = 0; round < Number(values.rounds); round++) {
      alone.push(await honest(service))
      const child = attacker(service, { attack: name })
      try {
        await once(child.stdout!, 'data')
        if (round === 0) await until('it is cut off', async () => (service.cuts?.[rule] ?? 0) > 0, 60)
        beside.push(await honest(service))
      } finally {
        await ended(child)
      }
    }
    const [without, with_] = [median(alone), median(beside)]
    const met = with_ < mostTimes * without && (service.cuts?.[rule] ?? 0) > 0
    row(
      ...[
        name,
        rule,
        service.cuts?.[rule] ?? 0,
        without.toFixed(2),
        with_.toFixed(2),
        (with_ / without).toFixed(1),
      ],
      `cut off, p99 < ${mostTimes}x: ${verdict(met)}`,
    )
  } finally {
    await service.stop()
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)]!
}

async function idle(count: number): Promise<void> {
  const service = await startWeir('lane', load)
  try {
    await honest(service)
    const before = rssOf(service.pids.service)
    const child = attacker(service, { idle: String(count) })
    try {
      await once(child.stdout!, 'data')
      const each = ((rssOf(service.pids.service) - before) * 1_024) / count
      const p99 = await honest(service)
      print(
        `\n${count} idle connections take ${each.toFixed(1)} KiB each; honest calls have a p99 of ${p99.toFixed(2)} ms.`,
      )
      print(`<= ${mostIdleKib} KiB: ${verdict(each <= mostIdleKib)}`)
    } finally {
      await ended(child)
    }
  } finally {
    await service.stop()
  }
}

head('attack', 'rule', 'times cut off', 'p99 alone, ms', 'p99 beside it, ms', 'times', 'goal')
for (const name of values.attacks.split(',').filter((each) => each !== '')) await flood(name)
await idle(Number(values.idle))
