/**
 * A part of `bench:store`: weir's rate-limit service over one kind of store, in a process of its own, with all that `weir
 * serve` has between Envoy and the store.
 */

import { parseArgs } from 'node:util'
import { createMetrics, noGauges } from '../src/observers/metrics.ts'
import { createSteadyClock } from '../src/ratelimit/clock.ts'
import { createRateLimitService } from '../src/ratelimit/service.ts'
import type { CounterStore } from '../src/ratelimit/stores/counter-store.ts'
import { createMemoryStore } from '../src/ratelimit/stores/memory/memory-store.ts'
import { openRedisLink } from '../src/ratelimit/stores/redis/open-link.ts'
import { createRedisStore } from '../src/ratelimit/stores/redis/redis-store.ts'
import { createResilientStore } from '../src/ratelimit/stores/resilient/resilient-store.ts'
import { createTransport } from '../src/ratelimit/transports/create-transport.ts'
import type { TransportName } from '../src/ratelimit/transports/transport.ts'
import { fixed, limitRule, limitsOf } from '../test/support/limit-rules.ts'
import { until } from '../test/support/until.ts'

const { values } = parseArgs({
  options: {
    /** A `REDIS_URL`; without it the counters are in memory. */
    redis: { type: 'string' },
    policies: { type: 'string' },
    limit: { type: 'string' },
    transport: { type: 'string' },
  },
})
const maxCounters = 1_000_000
const clocks = {
  wall: () => Date.now() * 1_000,
  monotonic: () => Math.floor(performance.now() * 1_000),
}
const clock = createSteadyClock(clocks)
const { observe } = createMetrics({ ...noGauges(), revision: () => 1 })

async function openStore(): Promise<CounterStore> {
  if (values.redis === undefined) return createMemoryStore({ clock, maxCounters })
  const link = openRedisLink(values.redis)
  await link.check()
  const primary = createRedisStore({ link, observe })
  // What is measured is what a decision costs, and not how busy this machine is.
  const store = createResilientStore({
    ...{ id: 'bench', primary, link, clocks, observe, maxCounters },
    timeoutMs: 5_000,
  })
  await until('the store decides', () => store.state().rung === 'store')
  return store
}

const store = await openStore()
const service = createRateLimitService({ store, clock, key: Buffer.alloc(16, 1), observe })
const rules = Array.from({ length: Number(values.policies) }, (_, index) =>
  limitRule(`p${index}`, fixed(Number(values.limit), 3_600_000)),
)
service.setLimits(limitsOf(rules))
const transport = createTransport(values.transport as TransportName, {
  ...{ decide: service.decide, observe },
  serving: () => true,
})
const { port } = await transport.listen('127.0.0.1:0')
process.stdout.write(`${port}\n`)
