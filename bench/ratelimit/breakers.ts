import { type Breakers, createBreakers } from '../../src/breaker/breakers.ts'
import type { BreakerState } from '../../src/breaker/state.ts'
import { createMemoryBreakerStore } from '../../src/breaker/stores/memory-store.ts'
import { createRedisBreakerStore } from '../../src/breaker/stores/redis-store.ts'
import type { Observe } from '../../src/observe.ts'
import { breakerPrefix } from '../../src/ratelimit/stores/redis/counter-key.ts'
import { createSingleLink } from '../../src/ratelimit/stores/redis/single.ts'
import { asked } from './question.ts'

const closed: BreakerState = {
  ...{ name: 'closed', generation: asked.generation, since: 0, seen: 0, cause: 'new', hold: undefined },
  ...{ last: 0, successes: 0, places: [], note: undefined, ring: '' },
}

/** One closed breaker, in memory or at that port. */
export function benchBreakers(redis: string | undefined, observe: Observe): Breakers {
  const clock = () => Date.now() * 1_000
  const prefix = breakerPrefix(Buffer.alloc(16))
  const store =
    redis === undefined
      ? createMemoryBreakerStore(clock)
      : createRedisBreakerStore({
          link: createSingleLink({ host: '127.0.0.1', port: Number(redis) }),
          prefix,
        })
  const breakers = createBreakers({
    ...{ store, observe, timeoutMs: 1_000, trouble: () => undefined },
    clocks: { wall: clock, monotonic: () => Math.floor(performance.now() * 1_000) },
  })
  const { cluster } = asked
  const numbers = { errorRate: 50, window: 10, open: 30_000_000, probes: 1 }
  const rule = { cluster, policy: 'strict', ...numbers, fallback: false }
  breakers.setBreakers(new Map([[cluster, rule]]))
  breakers.hear({ from: 'open', cluster, state: closed })
  return breakers
}
