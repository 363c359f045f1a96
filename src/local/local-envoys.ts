import type { Observe } from '../observe.ts'
import { adoptChild } from './child.ts'
import { envoyChildName, envoyPrefix, type LocalEnvoy, startEnvoy, stopRecordedEnvoy } from './envoy.ts'
import { failHealth } from './envoy-admin.ts'
import { recordNames } from './run-record.ts'

export interface LocalEnvoys {
  /**
   * Makes the running Envoys those of exactly these gateways. Calls are applied one after the other, and one that
   * is overtaken while it waits is skipped. Resolves when these gateways, or newer ones, are in force.
   * Does not throw: an Envoy that cannot be started is observed, and tried again.
   */
  reconcile(gateways: string[]): Promise<void>
  /** The gateways whose Envoy runs. */
  names(): string[]
  get(gateway: string): LocalEnvoy | undefined
  /** They still serve, but ask their clients to go elsewhere. */
  failHealth(): void
  /** Drains and ends all of them at once. */
  stop(): Promise<void>
}

export interface LocalEnvoysOptions {
  binary: string
  dataDir: string
  observe: Observe
  bootstrapFor: (gateway: string) => string
  /** See `EnvoyOptions`. */
  concurrency?: number
  drainMs?: number
}

const retryMs = 5_000

/** One supervised Envoy per gateway. Those that an earlier weir left are adopted, or ended, by the first `reconcile`. */
export function createLocalEnvoys(options: LocalEnvoysOptions): LocalEnvoys {
  const { dataDir, observe, bootstrapFor } = options
  const running = new Map<string, LocalEnvoy>()
  let wanted: string[] = []
  let generation = 0
  let applied = 0
  let turn: Promise<void> | undefined
  let retry: NodeJS.Timeout | undefined
  const stopping = new AbortController()

  async function start(gateway: string): Promise<void> {
    try {
      const bootstrap = bootstrapFor(gateway)
      running.set(
        gateway,
        await startEnvoy({ ...options, name: gateway, bootstrap, signal: stopping.signal }),
      )
    } catch (error) {
      if (stopping.signal.aborted) return
      observe({ event: 'failed', where: `local Envoy of ${gateway}`, error })
      retry ??= setTimeout(() => {
        retry = undefined
        void catchUp()
      }, retryMs).unref()
    }
  }

  async function end(gateway: string, envoy: LocalEnvoy): Promise<void> {
    await envoy.stop()
    running.delete(gateway)
  }

  /** Ends the Envoys that a record names and nobody wants. */
  async function clear(keep: Set<string>): Promise<void> {
    const mine = new Set([...keep, ...running.keys()].map(envoyChildName))
    const strays = recordNames(dataDir).filter((name) => name.startsWith(envoyPrefix) && !mine.has(name))
    const stop = (record: Parameters<typeof stopRecordedEnvoy>[0]) =>
      stopRecordedEnvoy(record, options.drainMs)
    await together(strays.map((name) => adoptChild({ name, dataDir, fingerprint: undefined, observe, stop })))
  }

  async function apply(gateways: string[]): Promise<void> {
    const keep = new Set(gateways)
    const leaving = [...running].filter(([gateway]) => !keep.has(gateway))
    // First make room: a new gateway may take over the port of one that leaves.
    await together([clear(keep), ...leaving.map(([gateway, envoy]) => end(gateway, envoy))])
    await together([...keep].filter((gateway) => !running.has(gateway)).map(start))
  }

  /** Waits for all; a failure of one is observed and does not hold up the others. */
  async function together(work: Promise<unknown>[]): Promise<void> {
    for (const result of await Promise.allSettled(work)) {
      if (result.status === 'rejected')
        observe({ event: 'failed', where: 'local Envoys', error: result.reason })
    }
  }

  function catchUp(): Promise<void> {
    generation++
    turn ??= (async () => {
      while (applied !== generation) {
        const goal = generation
        await apply(wanted)
        applied = goal
      }
      turn = undefined
    })()
    return turn
  }

  return {
    reconcile(gateways) {
      if (stopping.signal.aborted) return turn ?? Promise.resolve()
      wanted = [...gateways]
      return catchUp()
    },
    names: () => [...running.keys()].sort(),
    get: (gateway) => running.get(gateway),
    failHealth() {
      for (const envoy of running.values()) void failHealth(envoy.adminPort())
    },
    async stop() {
      clearTimeout(retry)
      stopping.abort()
      wanted = []
      await catchUp()
    },
  }
}
