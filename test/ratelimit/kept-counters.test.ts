import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { LimitNumbers, LimitRule } from '../../src/model/limit-rule.ts'
import type { Event } from '../../src/observe.ts'
import { createRateLimitService } from '../../src/ratelimit/service.ts'
import { counterPrefix } from '../../src/ratelimit/stores/redis/counter-key.ts'
import { KeptCounters } from '../../src/ratelimit/stores/redis/kept-counters.ts'
import type { Primary } from '../../src/ratelimit/stores/redis/link.ts'
import { createRedisStore } from '../../src/ratelimit/stores/redis/redis-store.ts'
import { limitRule, limitsOf } from '../support/limit-rules.ts'
import { descriptor } from '../support/rate-limit-service.ts'
import { until } from '../support/until.ts'
import { valkeyOfTests } from '../support/valkey-link.ts'

const second = 1_000_000
const own = () => Math.floor(performance.now() * 1_000)

describe('counters that an edit keeps, in Valkey', () => {
  const valkey = valkeyOfTests()
  let runs = 0

  function keeper(primaries: () => readonly Primary[] = () => valkey.link.primaries!()) {
    const events: Event[] = []
    return {
      kept: new KeptCounters({ primaries, own, observe: (event) => void events.push(event) }),
      events,
    }
  }

  test('live as long as is asked for, by whoever asks for more; all others as long as before', async () => {
    const policy = fc.constantFrom('a', 'b', 'c')
    const seconds = fc.integer({ min: 100, max: 900 })
    const property = fc.asyncProperty(
      fc.array(fc.record({ policy, life: seconds }), { minLength: 1, maxLength: 1_500, size: 'max' }),
      fc.array(fc.record({ policy, span: seconds, by: fc.nat(1) }), { minLength: 1, maxLength: 4 }),
      async (counters, edits) => {
        const { client } = valkey.link
        const run = runs++
        const keys = counters.map((each, index) => `${counterPrefix(`${run} ${each.policy}`)}{${index}}f`)
        await Promise.all(keys.map((key, index) => client.set(key, '', 'EX', counters[index]!.life)))
        const keepers = [keeper().kept, keeper().kept]
        for (const { policy, span, by } of edits) keepers[by]!.keep(`${run} ${policy}`, span * second)
        await Promise.all(keepers.map((each) => each.settled()))
        const lives = await Promise.all(keys.map((key) => client.ttl(key)))
        for (const [index, { policy, life }] of counters.entries()) {
          const spans = edits.filter((each) => each.policy === policy).map(({ span }) => span)
          const wanted = Math.max(life, ...spans)
          // Some seconds may have gone by.
          assert.ok(wanted - 60 <= lives[index]! && lives[index]! <= wanted, `${wanted}: ${lives[index]}`)
        }
        await client.unlink(...keys)
      },
    )
    await fc.assert(property, { numRuns: process.env.WEIR_LONG === '1' ? 500 : 10 })
  })

  test('a primary that does not answer is asked again', async () => {
    let failures = 1
    const { kept, events } = keeper(() => {
      if (failures-- > 0) throw new Error('Connection is closed.')
      return valkey.link.primaries!()
    })
    const key = `${counterPrefix('again')}{x}f`
    await valkey.link.client.set(key, '', 'EX', 100)
    kept.keep('again', 1_000 * second)
    await until('it lives longer', async () => (await valkey.link.client.ttl(key)) > 900)
    await kept.settled()
    const told = events.map(({ event }) => event)
    assert.deepEqual(told, ['counters_not_kept', 'counters_kept'])
  })

  test('usage that falls more slowly since an edit is there when its counter would have been forgotten', async () => {
    const clock = () => Date.now() * 1_000
    const observe = () => undefined
    const [one, other] = [0, 1].map(() =>
      createRateLimitService({
        store: createRedisStore({ link: valkey.link, graceMs: 100 }),
        ...{ clock, key: Buffer.alloc(16, 7), observe },
      }),
    )
    const bucket = (everyMs: number): LimitNumbers => ({
      algorithm: 'token_bucket',
      capacity: 10,
      refill: { tokens: 1, everyMs },
    })
    const rules = (everyMs: number): LimitRule[] => [
      limitRule('edited', bucket(everyMs)),
      limitRule('as before', bucket(200)),
    ]
    for (const service of [one!, other!]) service.setLimits(limitsOf(rules(200)))
    for (const policy of ['edited', 'as before'])
      assert.equal(
        (await one!.decide({ domain: '', descriptors: [descriptor(policy, {}, 10)] })).overall_code,
        'OK',
      )
    for (const service of [one!, other!]) service.setLimits(limitsOf(rules(3_600_000)))
    const remaining = async (): Promise<number> => {
      const { verdicts } = await other!.explain({ domain: '', descriptors: [descriptor('edited')] })
      return verdicts[0]!.standing!.remaining
    }
    const before = await remaining()
    assert.ok(before < 10)
    const lives = (policy: string) => valkey.link.client.keys(`${counterPrefix(policy)}*`)
    await until('the other counter is forgotten', async () => (await lives('as before')).length === 0)
    assert.equal((await lives('edited')).length, 1)
    assert.equal(await remaining(), before)
  })
})
