import { randomBytes } from 'node:crypto'
import type { Micros } from '../ratelimit/algorithms/algorithm.ts'
import { type Clocks, createSteadyClock } from '../ratelimit/clock.ts'
import type { RateLimitService } from '../ratelimit/service.ts'
import type { CounterStore } from '../ratelimit/stores/counter-store.ts'
import { createMemoryStore } from '../ratelimit/stores/memory/memory-store.ts'
import { type OpenLink, openRedisLink } from '../ratelimit/stores/redis/open-link.ts'
import { createRedisStore } from '../ratelimit/stores/redis/redis-store.ts'
import { createResilientStore } from '../ratelimit/stores/resilient/resilient-store.ts'
import type { CountersState } from '../ratelimit/stores/resilient/store-state.ts'
import { keepCounters } from './keep-counters.ts'
import { startEmbeddedValkey } from './machine.ts'
import type { StartContext } from './start-context.ts'

/** Counters that are held in memory at most. */
const maxCounters = 1_000_000

export interface Counters {
  store: CounterStore
  clock: () => Micros
  state(): CountersState
  /** This process among the replicas, as the store and the database know it. */
  replica: string
  /** Those that the store knows to live. */
  replicas(): readonly string[]
  /** The URL of a store that others may use, too. */
  url: string | undefined
  clocks: Clocks
  /** The way to a store that others use, too. */
  link: OpenLink | undefined
  /** Why the store is not asked now, as a clause about it; nothing where it is. */
  trouble(): string | undefined
  /** Lets counters in memory outlive a restart. To be called before anything is decided. */
  keep(service: RateLimitService): void
}

/**
 * The counters where the settings have them. A store that does not answer yet is no reason not to start: it is waited for
 * while each policy's `onStoreFailure` decides. One that cannot be right throws a start-up error.
 */
export async function openCounters(start: StartContext, counterKey: Buffer): Promise<Counters> {
  const { settings, observe } = start
  const clocks: Clocks = {
    wall: () => Date.now() * 1_000,
    monotonic: () => Math.floor(performance.now() * 1_000),
  }
  const replica = randomBytes(9).toString('base64url')
  const onOverflow = (policy: string) => observe({ event: 'counters_full', policy })
  if (settings.counters.kind === 'memory') {
    const clock = createSteadyClock(clocks)
    const store = createMemoryStore({ clock, maxCounters, onOverflow })
    const keep = (service: RateLimitService) => keepCounters(start, { store, service, clock, counterKey })
    const state = () => ({ store: 'memory' as const })
    const none = { url: undefined, link: undefined, trouble: () => undefined }
    return { store, clock, clocks, state, replica, replicas: () => [], ...none, keep }
  }
  const { timeoutMs } = settings.counters
  const url = settings.counters.kind === 'redis' ? settings.counters.url : await startEmbeddedValkey(start)
  const isReplica = settings.roles.has('ratelimit')
  const { store, link } = await reachStore(start, url, {
    ...{ clocks, maxCounters, onOverflow, timeoutMs, isReplica, id: replica },
  })
  const state = () => ({ store: 'redis' as const, url: link.shown, ...store.state() })
  const own = { clock: store.clock, replicas: store.replicas, trouble: store.trouble, keep: () => {} }
  return { store, clocks, state, replica, ...own, url, link }
}

type StoreOptions = Omit<Parameters<typeof createResilientStore>[0], 'primary' | 'link' | 'observe'>

function reachStore({ progress, observe, shutdown }: StartContext, url: string, options: StoreOptions) {
  return progress.step('Counter store', async () => {
    const link = openRedisLink(url)
    shutdown.add('connections to the counter store', () => link.close())
    const checked = await link.check()
    const store = createResilientStore({
      ...options,
      primary: createRedisStore({ link, observe }),
      link,
      observe,
    })
    shutdown.add('counter store', store.close)
    await store.started
    const { shown } = link
    const detail = checked.reached
      ? shown
      : `${shown} is not reached yet (${checked.why}); until it is, policies decide by onStoreFailure`
    return { result: { store, link }, detail }
  })
}
