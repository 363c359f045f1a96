import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { LimitNumbers } from '../../src/model/limit-rule.ts'
import type { Bucket } from '../../src/policies/rate-limit/local/bucket.ts'
import { shieldBucket } from '../../src/policies/rate-limit/local/shield.ts'
import { bindRule } from '../../src/ratelimit/algorithms/bound-rule.ts'
import { limitRule } from '../support/limit-rules.ts'

/** Requests of one key, as they come to Envoys and, a little later, to the service. Times are microseconds. */
interface Traffic {
  numbers: LimitNumbers
  cost: number
  requests: { gap: number; way: number; envoy: number }[]
}

/** What an Envoy has of a key (Envoy docs: LocalRateLimit.token_bucket). */
class EnvoyBucket {
  readonly #bucket: Bucket
  #tokens: number
  #at: number | undefined

  constructor(bucket: Bucket) {
    this.#bucket = bucket
    this.#tokens = bucket.capacity
  }

  take(cost: number, at: number): boolean {
    const { capacity, refill } = this.#bucket
    const passed = at - (this.#at ?? at)
    this.#at = at
    this.#tokens = Math.min(capacity, this.#tokens + (passed * refill.tokens) / (refill.everyMs * 1_000))
    if (this.#tokens < cost) return false
    this.#tokens -= cost
    return true
  }
}

/** How many of what the limit admits the shields of the Envoys would refuse. */
function refused({ numbers, cost, requests }: Traffic, times: number): { admitted: number; refused: number } {
  const rule = bindRule(numbers)
  let state: unknown
  let clock = 1_700_000_000_000_000
  const admitted = requests.flatMap(({ gap, way, envoy }) => {
    clock += gap
    const stepped = rule.step(state, cost, clock)
    state = stepped.state
    return stepped.decision.admitted ? [{ at: clock - way, envoy }] : []
  })
  const bucket = shieldBucket(limitRule('limit', numbers, { cost }), times)
  const envoys = Array.from({ length: 3 }, () => new EnvoyBucket(bucket))
  const passed = admitted
    .toSorted((a, b) => a.at - b.at)
    .filter(({ at, envoy }) => envoys[envoy]!.take(cost, at))
  return { admitted: admitted.length, refused: admitted.length - passed.length }
}

const amount = fc.integer({ min: 1, max: 40 })
const span = fc.constantFrom(100, 200, 1_000, 1_500, 3_000, 60_000)

const numbers: Record<LimitNumbers['algorithm'], fc.Arbitrary<LimitNumbers>> = {
  fixed_window: fc.record({ algorithm: fc.constant('fixed_window'), limit: amount, windowMs: span }),
  sliding_window: fc.record({ algorithm: fc.constant('sliding_window'), limit: amount, windowMs: span }),
  token_bucket: fc.record({
    algorithm: fc.constant('token_bucket'),
    capacity: amount,
    refill: fc.record({ tokens: amount, everyMs: span }),
  }),
  leaky_bucket: fc.record({
    algorithm: fc.constant('leaky_bucket'),
    queue: fc.nat({ max: 40 }),
    rate: fc.record({ requests: amount, everyMs: span }),
  }),
}

/** Bursts, and waits that end around a window's end. */
function traffic(algorithm: LimitNumbers['algorithm']): fc.Arbitrary<Traffic> {
  return numbers[algorithm].chain((chosen) => {
    const spanMs = 'windowMs' in chosen ? chosen.windowMs : spanOf(chosen)
    const gap = fc.oneof(
      { arbitrary: fc.constantFrom(0, 1, 10), weight: 8 },
      { arbitrary: fc.integer({ min: 0, max: 2 * spanMs * 1_000 }), weight: 1 },
      { arbitrary: fc.constantFrom(1, -1).map((side) => spanMs * 1_000 + side), weight: 1 },
    )
    const request = fc.record({
      gap,
      // No longer than Envoy waits for a decision, by default.
      way: fc.integer({ min: 0, max: Math.min(100, spanMs / 2) * 1_000 }),
      envoy: fc.constantFrom(0, 0, 0, 1, 2),
    })
    return fc.record({
      numbers: fc.constant(chosen),
      cost: fc.constantFrom(1, 1, 2, 5),
      requests: fc.array(request, { minLength: 20, maxLength: 200, size: 'max' }),
    })
  })
}

function spanOf(numbers: LimitNumbers): number {
  if ('refill' in numbers) return numbers.refill.everyMs
  return 'rate' in numbers ? numbers.rate.everyMs : numbers.windowMs
}

describe('a shield refuses nothing that its limit admits, however tight it is and whichever Envoys are asked', () => {
  for (const algorithm of Object.keys(numbers) as LimitNumbers['algorithm'][]) {
    test(algorithm, () => {
      const numRuns = process.env.WEIR_LONG === '1' ? 50_000 : 500
      let most = 0
      const holds = (sent: Traffic, times: number) => {
        const outcome = refused(sent, times)
        most = Math.max(most, outcome.admitted)
        assert.equal(outcome.refused, 0)
      }
      fc.assert(fc.property(traffic(algorithm), fc.constantFrom(2, 3, 10), holds), { numRuns })
      assert.ok(most > 50, 'some of them are a burst')
    })
  }

  test('one that is as tight as the limit would: around the end of a window twice as much passes', () => {
    const burst = Array.from({ length: 5 }, () => ({ gap: 0, way: 0, envoy: 0 }))
    const late = { gap: 999_999, way: 0, envoy: 0 }
    const sent: Traffic = {
      numbers: { algorithm: 'fixed_window', limit: 6, windowMs: 1_000 },
      cost: 1,
      requests: [late, ...burst, { gap: 1, way: 0, envoy: 0 }, ...burst],
    }
    assert.deepEqual(refused(sent, 1), { admitted: 12, refused: 6 })
    assert.deepEqual(refused(sent, 2), { admitted: 12, refused: 0 })
  })
})

test('the largest numbers that a key may have are those of its shield', () => {
  const rule = limitRule(
    'limit',
    { algorithm: 'token_bucket', capacity: 10, refill: { tokens: 5, everyMs: 60_000 } },
    {
      plans: new Map([
        ['gold', { algorithm: 'token_bucket', capacity: 20, refill: { tokens: 1, everyMs: 60_000 } }],
      ]),
      overrides: [
        {
          part: { kind: 'method' },
          value: { exact: 'GET' },
          numbers: { algorithm: 'token_bucket', capacity: 1, refill: { tokens: 1, everyMs: 1_000 } },
        },
      ],
    },
  )
  assert.deepEqual(shieldBucket(rule, 10), { capacity: 200, refill: { tokens: 10, everyMs: 1_000 } })
})

test('what comes back within a second is in the bucket, so that a late decision refuses nobody', () => {
  const rule = limitRule('limit', {
    algorithm: 'leaky_bucket',
    queue: 0,
    rate: { requests: 5, everyMs: 10 },
  })
  assert.deepEqual(shieldBucket(rule, 2), { capacity: 1_000, refill: { tokens: 10, everyMs: 10 } })
})
