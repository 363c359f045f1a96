import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../errors.ts'
import type { Observe } from '../observe.ts'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** A Ctrl-C reaches weir several times: from the terminal, and again from npm, which forwards it. */
const sameSignalMs = 1_000
/** A stop takes at most this long, the delay and draining included. */
const stopMs = 14_500

export interface Shutdown {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal
  /** Resolves when `signal` is aborted. */
  readonly asked: Promise<void>
  /** Calls back at once when the first signal comes. */
  onAsked(callback: () => void): void
  /** Adds what is to be ended; the last added is ended first. */
  add(what: string, end: () => unknown): void
  /**
   * Ends everything that was added, in reverse, `delayMs` milliseconds from now; one that fails does not keep the others
   * alive.
   */
  run(observe: Observe, delayMs?: number): Promise<void>
}

/**
 * Ends weir in the reverse order of its start. The first signal asks; a second one, a second or more later, or a
 * stop that takes too long, calls `endNow` and leaves at once.
 */
export function createShutdown(endNow: () => void): Shutdown {
  const controller = new AbortController()
  const ends: { what: string; end: () => unknown }[] = []
  let askedAt: number | undefined

  function leave(code: number): never {
    endNow()
    process.exit(code)
  }

  function onSignal(name: NodeJS.Signals, number: number): void {
    const now = performance.now()
    if (askedAt === undefined) {
      askedAt = now
      controller.abort(new Error(`stopped by ${name}`))
    } else if (now - askedAt > sameSignalMs) {
      leave(128 + number)
    }
  }

  for (const name of signals) process.on(name, onSignal)

  const asked = new Promise<void>((resolve) => controller.signal.addEventListener('abort', () => resolve()))

  return {
    signal: controller.signal,
    asked,
    onAsked: (callback) => controller.signal.addEventListener('abort', callback),
    add: (what, end) => void ends.push({ what, end }),
    async run(observe, delayMs = 0) {
      const watchdog = setTimeout(() => leave(1), stopMs)
      if (delayMs > 0) await delay(delayMs)
      for (const { what, end } of ends.splice(0).reverse()) {
        try {
          await end()
        } catch (error) {
          observe({ event: 'failed', where: `stop of ${what}: ${messageOf(error)}`, error })
        }
      }
      clearTimeout(watchdog)
      for (const name of signals) process.off(name, onSignal)
    },
  }
}
