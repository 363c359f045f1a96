import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { cpuOf, rssOf } from '../cpu.ts'
import type { Asked } from './load.ts'
import type { Service } from './service.ts'
import type { Load } from './services.ts'

export interface Measured extends Asked {
  /** Microseconds of CPU a decision. */
  cpu: { service: number; store: number }
  /** MiB of the service. */
  rss: number
}

export interface Times {
  seconds: number
  warmSeconds: number
  /** Calls on each of the two connections. */
  inFlight?: number
}

/** Asks the service for a time; what is measured begins when it is warm. */
export async function measure(service: Service, load: Load, times: Times): Promise<Measured> {
  const { seconds, warmSeconds, inFlight = 64 } = times
  const { port, dialect, pids } = service
  const args = Object.entries({ port, dialect, ...load, seconds, warmSeconds, inFlight }).flatMap(
    ([name, value]) => [`--${name}`, String(value)],
  )
  const child = spawn(process.execPath, [join(import.meta.dirname, 'load.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exit = once(child, 'exit')
  const now = () => ({
    service: cpuOf(pids.service),
    store: pids.store === undefined ? 0 : cpuOf(pids.store),
  })
  let before: ReturnType<typeof now> | undefined
  let text = ''
  for await (const chunk of child.stdout) {
    before ??= now()
    text += chunk
  }
  const [after, [code]] = [now(), await exit]
  if (code !== 0 || before === undefined) throw new Error(`the load ended with ${code}`)
  const asked: Asked = JSON.parse(text.slice(text.indexOf('\n')))
  return {
    ...asked,
    cpu: {
      service: (after.service - before.service) / asked.answers,
      store: (after.store - before.store) / asked.answers,
    },
    rss: rssOf(pids.service),
  }
}
