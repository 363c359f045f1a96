import type { Observe } from '../observe.ts'
import type { Retention } from './compaction.ts'
import type { Store } from './store.ts'

const hourMs = 3_600_000

/** Compacts the history every hour, a little while after the start first; the returned function ends it. */
export function compactHourly(options: { store: Store; retention: Retention; observe: Observe }): {
  stop(): Promise<void>
} {
  const { store, retention, observe } = options
  let running: Promise<unknown> = Promise.resolve()
  const run = () => {
    running = store
      .compact(retention)
      .catch((error) => observe({ event: 'failed', where: 'compaction of the history', error }))
  }
  const first = setTimeout(run, hourMs / 60)
  const timer = setInterval(run, hourMs)
  return {
    async stop() {
      clearTimeout(first)
      clearInterval(timer)
      await running
    },
  }
}
