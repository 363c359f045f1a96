/** The simulated Envoys, in a process of their own: their cost must not count as the server's. Driven over IPC. */

import { protos } from '../../src/envoy-api/protos.ts'
import { Envoy, type World } from './envoy.ts'

export type Order =
  | { order: 'join'; world: World; count: number; atOnce: number }
  /** From now on, one acknowledgement of that type is waited for from each. */
  | { order: 'expect'; type: string }
  | { order: 'leave' }

export type Report =
  /** Milliseconds from the first connection to each one's last acknowledgement, in order. */
  | { report: 'joined'; milliseconds: number[]; cpuMs: number }
  | { report: 'expecting' }
  /** When the last one acknowledged, by the machine's steady clock in nanoseconds. */
  | { report: 'acked'; at: string }
  | { report: 'lost'; reason: string }

protos()
const envoys: Envoy[] = []
const tell = (report: Report) => void process.send!(report)
let expected = { type: '', left: 0 }
let leaving = false

function join(world: World, count: number, atOnce: number): void {
  const from = performance.now()
  const cpu = process.cpuUsage()
  const milliseconds: number[] = []
  let begun = 0
  function begin(): void {
    if (begun === count) return
    const id = `envoy-${begun++}`
    const envoy = new Envoy(id, world, {
      joined() {
        milliseconds.push(performance.now() - from)
        begin()
        if (milliseconds.length < count) return
        const { user, system } = process.cpuUsage(cpu)
        tell({ report: 'joined', milliseconds, cpuMs: (user + system) / 1_000 })
      },
      acked(type) {
        if (type !== expected.type || --expected.left > 0) return
        expected = { type: '', left: 0 }
        tell({ report: 'acked', at: String(process.hrtime.bigint()) })
      },
      lost(reason) {
        if (!leaving) tell({ report: 'lost', reason })
      },
    })
    envoys.push(envoy)
  }
  for (let started = 0; started < Math.min(atOnce, count); started++) begin()
}

process.on('message', (order: Order) => {
  if (order.order === 'join') join(order.world, order.count, order.atOnce)
  else if (order.order === 'expect') {
    expected = { type: order.type, left: envoys.length }
    tell({ report: 'expecting' })
  } else {
    leaving = true
    for (const envoy of envoys) envoy.close()
    process.disconnect?.()
  }
})
