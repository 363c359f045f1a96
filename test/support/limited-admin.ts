import assert from 'node:assert/strict'
import { limitsOf } from '../../src/compile/limits.ts'
import { WeirError } from '../../src/errors.ts'
import { explain } from '../../src/explain/explain.ts'
import { createRateLimitService } from '../../src/ratelimit/service.ts'
import type { CounterStore } from '../../src/ratelimit/stores/counter-store.ts'
import { createMemoryStore } from '../../src/ratelimit/stores/memory/memory-store.ts'
import type { RateLimitRequest } from '../../src/ratelimit/transports/messages.ts'
import { startAdmin, type TestAdmin } from './admin.ts'

export interface LimitedAdmin extends TestAdmin {
  /** Writes the documents (YAML) and puts their limits in force. */
  apply(documents: string): Promise<void>
  /** Has the service decide what an explanation says that Envoy would send; whether it was admitted. */
  count(requests: { domain: string; descriptors: { entries: { key: string; value: string }[] }[] }[]): boolean
  /** Seconds go by on the clock of the counters, which stands else. */
  pass(seconds: number): void
  /** Counters cannot be read, as while a store is away; or can again. */
  away(isAway: boolean): void
}

/** An admin API beside a rate-limit service, as `main.ts` wires them, on a clock that stands until it is moved. */
export async function startLimitedAdmin(): Promise<LimitedAdmin> {
  let now = 1_000_000_000_000_000
  const clock = () => now
  const counters = createMemoryStore({ clock, maxCounters: 1_000 })
  const key = Buffer.alloc(16, 7)
  let isAway = false
  const store: CounterStore = {
    ...counters,
    async peek(...asked) {
      if (isAway) throw new WeirError('unavailable', 'A counter cannot be read now.')
      return counters.peek(...asked)
    },
  }
  const service = createRateLimitService({ store, clock, key, observe: () => {} })
  const admin: TestAdmin = await startAdmin({
    explain: async (question) => explain(await admin.store.current(), question, service.explain),
    limits: service,
  })
  return {
    ...admin,
    async apply(documents) {
      const { status, text } = await admin.call('POST', '/v1/apply', documents)
      assert.equal(status, 200, text)
      service.setLimits(limitsOf(await admin.store.current()))
    },
    count(requests) {
      return requests.every(({ domain, descriptors }) => {
        const bytes = descriptors.map(({ entries }) => ({
          entries: entries.map(({ key, value }) => ({ key, value: Buffer.from(value) })),
        }))
        const request: RateLimitRequest = { domain, descriptors: bytes }
        const response = service.decide(request)
        assert.ok(!(response instanceof Promise))
        return response.overall_code === 'OK'
      })
    },
    pass(seconds) {
      now += seconds * 1_000_000
    },
    away(is) {
      isAway = is
    },
  }
}
