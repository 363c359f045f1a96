import { setTimeout as delay } from 'node:timers/promises'
import type { Observe } from '../observe.ts'
import type { Child } from './child.ts'

export interface Supervised {
  /** The process that runs now, or ran last. */
  child(): Child
  /** Ends the child and its restarts; resolves when it is gone. May be called again. */
  stop(): Promise<void>
}

export interface SuperviseOptions {
  /**
   * Starts (or adopts) the child and waits until it serves. Must leave nothing running when it throws, and
   * must throw soon after the signal is aborted.
   */
  launch: (signal: AbortSignal) => Promise<Child>
  stopChild: (child: Child) => Promise<void>
  observe: Observe
  /** Gives up the first launch. */
  signal?: AbortSignal | undefined
}

const shortest = 100
const longest = 5_000
/** Milliseconds of life after which the next back-off starts small again. */
const healthy = 10_000

/**
 * Launches a child and keeps it running: after an unexpected end it is launched again, after 0.1 s, then twice
 * as long each time up to 5 s. Throws when the first launch fails.
 */
export async function supervise({
  launch,
  stopChild,
  observe,
  signal,
}: SuperviseOptions): Promise<Supervised> {
  const stopping = new AbortController()
  let current = await launch(signal ?? stopping.signal)
  let wait = shortest

  async function relaunch(): Promise<boolean> {
    while (!stopping.signal.aborted) {
      await delay(wait, undefined, { signal: stopping.signal }).catch(() => {})
      wait = Math.min(wait * 2, longest)
      if (stopping.signal.aborted) return false
      try {
        current = await launch(stopping.signal)
        if (!stopping.signal.aborted) return true
        await stopChild(current)
      } catch (error) {
        if (!stopping.signal.aborted) observe({ event: 'failed', where: `restart of ${current.name}`, error })
      }
    }
    return false
  }

  async function keepRunning(): Promise<void> {
    do {
      const launchedAt = performance.now()
      const { code, signal } = await current.exited
      if (performance.now() - launchedAt >= healthy) wait = shortest
      const known = { child: current.name, pid: current.identity.pid }
      if (stopping.signal.aborted) observe({ event: 'child_stopped', ...known })
      else observe({ event: 'child_exited', ...known, code, signal, log: current.log() })
    } while (await relaunch())
  }

  const ended = keepRunning()
  ended.catch((error) => observe({ event: 'failed', where: `supervision of ${current.name}`, error }))
  let stopped: Promise<void> | undefined
  return {
    child: () => current,
    stop() {
      stopped ??= (async () => {
        stopping.abort()
        await stopChild(current)
        await ended
      })()
      return stopped
    },
  }
}
