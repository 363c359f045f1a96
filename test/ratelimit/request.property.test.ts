import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseItem, parseList } from 'structured-headers'
import type { LimitNumbers } from '../../src/model/limit-rule.ts'
import { tickUnit } from '../../src/model/tick-unit.ts'
import type { RateLimitResponse } from '../../src/ratelimit/transports/messages.ts'
import { limitRule } from '../support/limit-rules.ts'
import { descriptor, header, setUpService } from '../support/rate-limit-service.ts'
import { createOracle, type Item, type PolicyHit, type RequestDecision } from './oracle/request.ts'
import { inMicros } from './oracle/schedule.ts'

interface Policy {
  name: string
  numbers: LimitNumbers
  enforced: boolean
}

const amount = fc.integer({ min: 0, max: 5 })
const spanMs = fc.constantFrom(1, 3, 10, 400, 1_000, 1_500)
const windows = fc.record({
  algorithm: fc.constantFrom('fixed_window' as const, 'sliding_window' as const),
  limit: amount,
  windowMs: spanMs,
})
const bucket = fc.record({
  algorithm: fc.constant('token_bucket' as const),
  capacity: amount,
  refill: fc.record({ tokens: fc.integer({ min: 1, max: 4 }), everyMs: spanMs }),
})
const leaky = fc.record({
  algorithm: fc.constant('leaky_bucket' as const),
  queue: amount,
  rate: fc.record({ requests: fc.integer({ min: 1, max: 4 }), everyMs: spanMs }),
})

/** At most one of them is leaky, as on a route. */
const policies = fc
  .tuple(
    fc.array(fc.tuple(fc.oneof(windows, bucket), fc.boolean()), { maxLength: 3 }),
    fc.option(fc.tuple(leaky, fc.boolean())),
  )
  .map(([some, last]) =>
    [...some, ...(last === null ? [] : [last])].map(
      ([numbers, enforced], index): Policy => ({ name: `p${index}`, numbers, enforced }),
    ),
  )
const gap = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: 12 }).map((ms) => ms * 1_000),
  fc.integer({ min: 0, max: 2_000_000 }),
)
const request = fc.record({
  gap,
  keys: fc.array(fc.constantFrom('a', 'b'), { minLength: 4, maxLength: 4 }),
  costs: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 4 }),
})
/** Other numbers for one of the policies, in the middle. */
const edit = fc.record({ gap, policy: fc.nat(3), numbers: fc.oneof(windows, bucket) })
const steps = fc.array(fc.oneof({ weight: 6, arbitrary: request }, { weight: 1, arbitrary: edit }), {
  minLength: 1,
  maxLength: 25,
})
type Step = typeof steps extends fc.Arbitrary<(infer T)[]> ? T : never

describe('a request that hits several policies, against the oracle', () => {
  test('all or nothing, shadow by itself, edits in the middle, and what the client is told', () => {
    const numRuns = process.env.WEIR_LONG === '1' ? 100_000 : 1_000
    const seen = { partlyDenied: 0, shadowDenied: 0, edits: 0, waited: 0, fields: 0 }
    fc.assert(
      fc.property(policies, steps, (some, asked) => play(some, asked, seen)),
      { numRuns },
    )
    for (const [name, count] of Object.entries(seen)) assert.ok(count > 20, `${name}: ${count}`)
  })
})

type Seen = Record<'partlyDenied' | 'shadowDenied' | 'edits' | 'waited' | 'fields', number>

function play(some: readonly Policy[], asked: readonly Step[], seen: Seen): void {
  const weir = setUpService(some.map(toRule))
  const oracle = createOracle()
  const inForce = some.map((policy) => ({ ...policy, used: new Set([policy.numbers.algorithm]) }))
  let now = 1_000_000_000
  for (const step of asked) {
    if ('numbers' in step) {
      const edited = inForce[step.policy]
      // Back to an algorithm of before: a counter that was not used meanwhile is as it was then (docs/rate-limiting.md).
      const { algorithm } = step.numbers
      if (edited === undefined || (edited.numbers.algorithm !== algorithm && edited.used.has(algorithm)))
        continue
      now += pass(weir, step.gap + 1)
      Object.assign(edited, { numbers: step.numbers })
      edited.used.add(algorithm)
      weir.load(inForce.map(toRule))
      oracle.edit(edited.name, ruleOf(edited.numbers), BigInt(now))
      seen.edits++
      continue
    }
    now += pass(weir, step.gap)
    const hits = inForce.map((policy, index) => toHit(policy, step.keys[index]!, step.costs[index]!))
    const want = oracle.decide(hits, BigInt(now))
    const entries = inForce.map(({ name }, index) =>
      descriptor(name, { 'header:x-tenant': step.keys[index]! }, step.costs[index]!),
    )
    compare(weir.ask(...entries), want, inForce, seen)
  }
}

function pass(weir: ReturnType<typeof setUpService>, micros: number): number {
  weir.pass(micros / 1_000_000)
  return micros
}

function compare(
  got: RateLimitResponse,
  want: RequestDecision,
  policies: readonly Policy[],
  seen: Seen,
): void {
  assert.equal(got.overall_code === 'OK', want.admitted)
  const denied = policies.filter((_policy, index) => got.statuses[index]!.code === 'OVER_LIMIT')
  assert.deepEqual(
    denied.map(({ name }) => name),
    want.denied,
  )
  assert.deepEqual(itemsOf(got), want.items)
  const retryAfter = header(got, 'Retry-After')
  assert.equal(retryAfter === undefined ? null : parseItem(retryAfter)[0], want.retryAfterSeconds)
  const delay = got.request_headers_to_add?.find(({ key }) => key === 'x-envoy-fault-delay-request')?.value
  assert.equal(Number(delay ?? 0), want.delayMs)
  const enforced = policies.filter(({ enforced: is }) => is).length
  if (denied.length > 0 && denied.length < enforced) seen.partlyDenied++
  if (want.shadowDenied.length > 0) seen.shadowDenied++
  if (want.delayMs > 0) seen.waited++
  seen.fields += want.items.length
}

/** The two fields read by a parser of structured fields (RFC 9651). */
function itemsOf(response: RateLimitResponse): Item[] {
  const policies = parseList(header(response, 'RateLimit-Policy') ?? '')
  const limits = parseList(header(response, 'RateLimit') ?? '')
  assert.equal(policies.length, limits.length)
  return policies.map(([name, policy], index) => {
    const [sameName, limit] = limits[index]!
    assert.equal(sameName, name)
    const all = Object.fromEntries([...(policy as Map<string, unknown>), ...(limit as Map<string, unknown>)])
    return { policy: name, ...all } as unknown as Item
  })
}

function toRule({ name, numbers, enforced }: Policy) {
  return limitRule(name, numbers, { mode: enforced ? 'enforce' : 'shadow' })
}

function ruleOf(numbers: LimitNumbers) {
  return inMicros(numbers, tickUnit([numbers]).unit!)
}

function toHit({ name, numbers, enforced }: Policy, key: string, cost: number): PolicyHit {
  return { policy: name, key, rule: ruleOf(numbers), cost: BigInt(cost), enforced }
}
