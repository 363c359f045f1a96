/** A part of `bench:store`: weir's rate-limit service over one kind of store, in a process of its own. */

import { parseArgs } from 'node:util'
import { createRateLimitService } from '../src/ratelimit/service.ts'
import { createMemoryStore } from '../src/ratelimit/stores/memory/memory-store.ts'
import { createRedisStore } from '../src/ratelimit/stores/redis/redis-store.ts'
import { createSingleLink } from '../src/ratelimit/stores/redis/single.ts'
import { createGrpcJsTransport } from '../src/ratelimit/transports/grpc-js.ts'
import { fixed, limitRule, limitsOf } from '../test/support/limit-rules.ts'

const { values } = parseArgs({
  options: { redis: { type: 'string' }, policies: { type: 'string' }, limit: { type: 'string' } },
})
const clock = () => Date.now() * 1_000
const store =
  values.redis === undefined
    ? createMemoryStore({ clock, maxCounters: 1_000_000 })
    : createRedisStore({ link: createSingleLink({ host: '127.0.0.1', port: Number(values.redis) }) })
const service = createRateLimitService({ store, clock, key: Buffer.alloc(16, 1), observe: () => undefined })
const rules = Array.from({ length: Number(values.policies) }, (_, index) =>
  limitRule(`p${index}`, fixed(Number(values.limit), 3_600_000)),
)
service.setLimits(limitsOf(rules))
const transport = createGrpcJsTransport({
  decide: service.decide,
  serving: () => true,
  observe: () => undefined,
})
const { port } = await transport.listen('127.0.0.1:0')
process.stdout.write(`${port}\n`)
