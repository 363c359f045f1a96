/**
 * A part of `bench:ratelimit`: weir's rate-limit service in a process of its own. It prints its port, and the rule of
 * each connection that it cuts off.
 */

import { parseArgs } from 'node:util'
import { breakerDomain } from '../../src/model/breaker-descriptor.ts'
import type { Event } from '../../src/observe.ts'
import { createRateLimitService } from '../../src/ratelimit/service.ts'
import { createMemoryStore } from '../../src/ratelimit/stores/memory/memory-store.ts'
import { createRedisStore } from '../../src/ratelimit/stores/redis/redis-store.ts'
import { createSingleLink } from '../../src/ratelimit/stores/redis/single.ts'
import { createGrpcJsTransport } from '../../src/ratelimit/transports/grpc-js.ts'
import { createLaneTransport } from '../../src/ratelimit/transports/lane.ts'
import type { Decide } from '../../src/ratelimit/transports/transport.ts'
import { fixed, limitRule, limitsOf } from '../../test/support/limit-rules.ts'
import { benchBreakers } from './breakers.ts'
import { createHttp2Transport } from './http2-transport.ts'

const { values } = parseArgs({
  options: {
    transport: { type: 'string' },
    redis: { type: 'string' },
    policies: { type: 'string' },
    limit: { type: 'string' },
    counters: { type: 'string' },
  },
})
const clock = () => Date.now() * 1_000
function observe(event: Event): void {
  if (event.event === 'lane_cut') process.stdout.write(`cut ${event.rule}\n`)
}
const store =
  values.redis === undefined
    ? createMemoryStore({ clock, maxCounters: Number(values.counters) })
    : createRedisStore({ link: createSingleLink({ host: '127.0.0.1', port: Number(values.redis) }) })
const service = createRateLimitService({ store, clock, key: Buffer.alloc(16, 1), observe })
const rules = Array.from({ length: Number(values.policies) }, (_, index) =>
  limitRule(`p${index}`, fixed(Number(values.limit), 3_600_000)),
)
service.setLimits(limitsOf(rules))
const breakers = benchBreakers(values.redis, observe)
const decide: Decide = (request) =>
  request.domain === breakerDomain ? breakers.decide(request) : service.decide(request)
const shared = { decide, serving: () => true, observe }
const transports = {
  'grpc-js': () => createGrpcJsTransport(shared),
  http2: () => createHttp2Transport(decide),
  lane: () => createLaneTransport(shared),
}
const { port } = await transports[values.transport as keyof typeof transports]().listen('127.0.0.1:0')
process.stdout.write(`${port}\n`)
