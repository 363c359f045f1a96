import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { World } from './envoy.ts'
import type { Order, Report } from './envoys.ts'

/** What came of a join. */
export interface Joined {
  /** Until each had everything and had said so, in order. */
  readonly milliseconds: readonly number[]
  /** What the simulated Envoys took of the machine meanwhile. */
  readonly cpuMs: number
}

/** A process with simulated Envoys. */
export class FleetOf {
  readonly #child: ChildProcess
  #waiting: ((report: Report) => void) | undefined

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'envoys.ts'))
    this.#child.on('message', (report: Report) => {
      if (report.report === 'lost') throw new Error(`an Envoy lost its stream: ${report.reason}`)
      this.#waiting?.(report)
    })
  }

  /** They join, `atOnce` of them at a time. */
  async join(world: World, count: number, atOnce = count): Promise<Joined> {
    const report = await this.#ask({ order: 'join', world, count, atOnce })
    if (report.report !== 'joined') throw new Error(`reported ${report.report}`)
    return report
  }

  /** Milliseconds from the start of `edit` until the last Envoy acknowledged what came of it. */
  async edited(type: string, edit: () => Promise<unknown>): Promise<number> {
    await this.#ask({ order: 'expect', type })
    const acked = this.#next()
    const from = process.hrtime.bigint()
    const [report] = await Promise.all([acked, edit()])
    if (report.report !== 'acked') throw new Error(`reported ${report.report}`)
    return Number(BigInt(report.at) - from) / 1e6
  }

  async leave(): Promise<void> {
    const exit = once(this.#child, 'exit')
    this.#child.send({ order: 'leave' } satisfies Order)
    await exit
  }

  #ask(order: Order): Promise<Report> {
    this.#child.send(order)
    return this.#next()
  }

  #next(): Promise<Report> {
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }
}
