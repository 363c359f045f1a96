import { once } from 'node:events'
import type { Event } from '../../src/observe.ts'
import type { Hit } from '../../src/ratelimit/stores/counter-store.ts'
import type { RedisLink } from '../../src/ratelimit/stores/redis/link.ts'
import { createRedisStore } from '../../src/ratelimit/stores/redis/redis-store.ts'
import { createSingleLink } from '../../src/ratelimit/stores/redis/single.ts'
import { createResilientStore } from '../../src/ratelimit/stores/resilient/resilient-store.ts'

/** A busy machine answers later than a store should: only what is really away is to be found so. */
const timeoutMs = 400

/** A replica's counters in a Valkey of this machine, and all that it told. Its clock is so far ahead. */
export async function openReplica(port: number, id: string, aheadMs = 0) {
  const single = createSingleLink({ host: '127.0.0.1', port, retryStrategy: () => 50 })
  if (single.client.status !== 'ready') await once(single.client, 'ready')
  let isCut = false
  const link: RedisLink = {
    run: (...call) => (isCut ? Promise.reject(new Error('Connection is closed.')) : single.run(...call)),
  }
  const events: Event[] = []
  const store = createResilientStore({
    primary: createRedisStore({ link }),
    ...{ link, timeoutMs, id, maxCounters: 10_000 },
    clocks: {
      wall: () => (Date.now() + aheadMs) * 1_000,
      monotonic: () => Math.floor(performance.now() * 1_000),
    },
    observe: (event) => void events.push(event),
    heartbeatMs: 200,
    circuit: { firstProbeMs: 50, longestProbeMs: 200 },
  })
  await store.started
  return {
    store,
    events,
    client: single.client,
    /** Takes the replica alone off the store, and lets it come back. */
    cut(cut: boolean) {
      isCut = cut
    },
    rung: () => store.state().rung,
    rungs: () => events.flatMap((each) => (each.event === 'counter_store_rung' ? [each.rung] : [])),
    failures: () =>
      new Set(events.flatMap((each) => (each.event === 'counter_store_failed' ? [each.kind] : []))),
    /** Requests that got no answer of the store, and waited for it. */
    waited: () =>
      events.filter((each) => each.event === 'counter_store_call' && each.result !== 'answered').length,
    async close() {
      await store.close()
      single.close()
    },
  }
}

export type Replica = Awaited<ReturnType<typeof openReplica>>

/** How many requests on one counter of a fixed window were admitted, by window. */
export interface Load {
  readonly admitted: ReadonlyMap<number, number>
  /** The longest that one was without an answer, in milliseconds. */
  longest(): number
  stop(): Promise<void>
}

/** Asks a replica again and again for the same, some requests at a time, every few milliseconds. */
export function load({ store }: Replica, hit: Hit, windowMs: number): Load {
  const admitted = new Map<number, number>()
  const open = new Set<Promise<void>>()
  let longest = 0
  async function one(): Promise<void> {
    const asked = performance.now()
    const taken = await store.take([hit])
    const now = Date.now()
    longest = Math.max(longest, performance.now() - asked)
    if (!taken.admitted) return
    // The answer says when its window ends, which it was decided in.
    const window = Math.round((now + taken.outcomes[0]!.resetAfter / 1_000) / windowMs) - 1
    admitted.set(window, (admitted.get(window) ?? 0) + 1)
  }
  const timer = setInterval(() => {
    for (let count = 0; count < 3; count++) {
      const asked = one()
      open.add(asked)
      void asked.finally(() => open.delete(asked))
    }
  }, 4)
  return {
    admitted,
    longest: () => longest,
    async stop() {
      clearInterval(timer)
      await Promise.all(open)
    },
  }
}

/** What several loads together were admitted in a window. */
export function inWindow(loads: readonly Load[], window: number): number {
  return loads.reduce((sum, { admitted }) => sum + (admitted.get(window) ?? 0), 0)
}
