import { type Breakers, createBreakers } from '../breaker/breakers.ts'
import { createMemoryBreakerStore } from '../breaker/stores/memory-store.ts'
import { createRedisBreakerStore, readNews } from '../breaker/stores/redis-store.ts'
import { breakerDomain } from '../model/breaker-descriptor.ts'
import { breakerPrefix } from '../ratelimit/stores/redis/counter-key.ts'
import { subscribe } from '../ratelimit/stores/redis/subscription.ts'
import type { Decide } from '../ratelimit/transports/transport.ts'
import { keepBreakers } from './keep-breakers.ts'
import type { Counters } from './open-counters.ts'
import type { StartContext } from './start-context.ts'

export interface OpenBreakers extends Breakers {
  /** Why this replica may not be up to date, as sentences; none where it is. */
  warnings(): string[]
}

/**
 * The breakers where the counters are. Transitions are heard on a connection of its own, and looked for once a second, so
 * that one that is gone costs a second.
 */
export function openBreakers(
  start: StartContext,
  { clocks, clock, link, trouble }: Pick<Counters, 'clocks' | 'clock' | 'link' | 'trouble'>,
  counterKey: Buffer,
): OpenBreakers {
  const { settings, observe, shutdown } = start
  const timeoutMs = settings.counters.kind === 'memory' ? 0 : settings.counters.timeoutMs
  const common = { clocks, observe, timeoutMs, trouble }
  if (link === undefined) {
    const store = createMemoryBreakerStore(clock)
    keepBreakers(start, store.states)
    const breakers = createBreakers({ ...common, store })
    shutdown.add('circuit breakers', breakers.close)
    return { ...breakers, warnings: () => [] }
  }
  const prefix = breakerPrefix(counterKey)
  const breakers = createBreakers({ ...common, store: createRedisBreakerStore({ link, prefix }) })
  const subscription = subscribe({
    connect: link.connection,
    channel: prefix,
    onMessage(text) {
      const news = readNews(text)
      if (news !== undefined) breakers.hear(news)
    },
    onHeard: () => void breakers.readAll(),
  })
  shutdown.add('circuit breakers', async () => {
    await breakers.close()
    subscription.close()
  })
  return { ...breakers, warnings: () => warningsOf(trouble(), subscription.trouble()) }
}

function warningsOf(store: string | undefined, pushes: string | undefined): string[] {
  if (store !== undefined)
    return [`the store ${store}: breakers stay as this replica knew them, and outcomes are dropped`]
  return pushes === undefined
    ? []
    : [`transitions at other replicas are not told to this one (${pushes}), and may be a second late`]
}

/** One service on one port: who is asked stands in the domain. */
export function decideBoth(limits: Decide, breakers: Decide): Decide {
  return (request) => (request.domain === breakerDomain ? breakers(request) : limits(request))
}
