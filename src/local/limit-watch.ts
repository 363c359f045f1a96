import type { Observe } from '../observe.ts'
import { countedSince, limitOutcomes, type OutcomeCounters, readLimitOutcomes } from './limit-outcomes.ts'
import type { LocalEnvoys } from './local-envoys.ts'

/** How long requests that no limit was asked about can stay unnoticed where nobody reads the metrics. */
const everyMs = 10_000

export interface LimitWatch {
  /** Reads every Envoy's counters; resolves when what they say is observed. */
  look(): Promise<void>
  stop(): Promise<void>
}

/**
 * Watches what the Envoys of this machine say of their rate-limit requests, so that those which passed without a
 * decision are counted, and told. An Envoy that ends takes with it what it counted since the last look.
 */
export function watchLimits(options: {
  envoys: Pick<LocalEnvoys, 'names' | 'get'>
  observe: Observe
}): LimitWatch {
  const { envoys, observe } = options
  const read = new Map<string, { pid: number; counters: OutcomeCounters }>()
  let looking: Promise<void> | undefined
  let next: Promise<void> | undefined

  async function lookAt(gateway: string): Promise<void> {
    const envoy = envoys.get(gateway)
    if (envoy === undefined) return
    const pid = envoy.pid()
    const counters = await readLimitOutcomes(envoy.adminPort())
    if (counters === undefined) return
    const last = read.get(gateway)
    read.set(gateway, { pid, counters })
    const counted = countedSince(last?.pid === pid ? last.counters : new Map(), counters)
    for (const outcome of limitOutcomes) {
      const requests = counted[outcome]
      if (requests > 0) observe({ event: 'envoy_limited', gateway, outcome, requests })
    }
    const requests = counted.failure_mode_allowed
    // What an Envoy that is adopted counted before was told by the weir before.
    const isNews = last !== undefined || !envoy.adopted
    if (requests > 0 && isNews) observe({ event: 'failed_open', gateway, requests })
  }

  async function lookAtAll(): Promise<void> {
    const gateways = envoys.names()
    for (const gateway of read.keys()) if (!gateways.includes(gateway)) read.delete(gateway)
    await Promise.all(gateways.map(lookAt))
  }

  /** Looks one after the other. Whoever comes during a look waits for the next: that one may have missed theirs. */
  function look(): Promise<void> {
    if (looking !== undefined) {
      next ??= begun(looking.then(lookAtAll))
      return next
    }
    looking = begun(lookAtAll())
    return looking
  }

  function begun(work: Promise<void>): Promise<void> {
    return work.finally(() => {
      looking = next
      next = undefined
    })
  }

  const timer = setInterval(look, everyMs)
  return {
    look,
    async stop() {
      clearInterval(timer)
      await (next ?? looking)
    },
  }
}
