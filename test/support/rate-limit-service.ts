import assert from 'node:assert/strict'
import type { LimitRule, Limits } from '../../src/model/limit-rule.ts'
import type { Event } from '../../src/observe.ts'
import type { Explanation } from '../../src/ratelimit/decision/verdict.ts'
import { createRateLimitService } from '../../src/ratelimit/service.ts'
import { createMemoryStore } from '../../src/ratelimit/stores/memory/memory-store.ts'
import type { RateLimitDescriptor, RateLimitResponse } from '../../src/ratelimit/transports/messages.ts'
import { limitsOf } from './limit-rules.ts'

/** A service on counters in memory, with a clock that stands until it is moved. */
export function setUpService(rules: readonly LimitRule[], more: Partial<Limits> = {}) {
  let now = 1_000_000_000
  const events: Event[] = []
  const clock = () => now
  const service = createRateLimitService({
    store: createMemoryStore({ clock, maxCounters: 1_000 }),
    clock,
    key: Buffer.alloc(16, 7),
    observe: (event) => void events.push(event),
  })
  const load = (next: readonly LimitRule[]) => service.setLimits(limitsOf(next, more))
  load(rules)
  return {
    service,
    events,
    load,
    ask(...descriptors: RateLimitDescriptor[]): RateLimitResponse {
      const response = service.decide({ domain: 'edge', descriptors })
      assert.ok(!(response instanceof Promise))
      return response
    },
    explain(...descriptors: RateLimitDescriptor[]): Explanation {
      const explanation = service.explain({ domain: 'edge', descriptors })
      assert.ok(!(explanation instanceof Promise))
      return explanation
    },
    pass(seconds: number) {
      now += seconds * 1_000_000
    },
  }
}

/** The descriptor by which Envoy asks for a policy. */
export function descriptor(
  policy: string,
  entries: Record<string, string | Buffer> = {},
  cost?: number,
): RateLimitDescriptor {
  const all = { policy, ...entries }
  return {
    entries: Object.entries(all).map(([key, value]) => ({ key, value: Buffer.from(value) })),
    ...(cost !== undefined && { hits_addend: { value: cost } }),
  }
}

export function header(response: RateLimitResponse, name: string): string | undefined {
  return response.response_headers_to_add.find(({ key }) => key === name)?.value
}
