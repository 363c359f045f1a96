import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LimitNumbers } from '../../src/model/limit-rule.ts'
import { createRateLimitService } from '../../src/ratelimit/service.ts'
import { limitRule, limitsOf } from '../support/limit-rules.ts'
import { descriptor } from '../support/rate-limit-service.ts'
import { openReplica } from '../support/replica.ts'
import { until } from '../support/until.ts'
import { startValkey } from '../support/valkey.ts'

const hour = 3_600_000
/** Milliseconds to which the store's clock is known at least, on a busy machine. */
const known = 500

for (const aheadMs of [hour, -hour]) {
  test(`an edit is made now, by a replica whose clock is ${aheadMs} ms ahead of the store’s`, async () => {
    await using running = new AsyncDisposableStack()
    const valkey = await startValkey()
    running.defer(valkey.stop)
    const { store, rung, close } = await openReplica(valkey.port, 'a', aheadMs)
    running.defer(close)
    await until('the store decides', () => rung() === 'store')
    const service = createRateLimitService({
      ...{ store, clock: store.clock, key: Buffer.alloc(16, 7), observe: () => undefined },
    })
    const bucket = (everyMs: number): LimitNumbers => ({
      algorithm: 'token_bucket',
      capacity: 10_000,
      refill: { tokens: 1, everyMs },
    })
    const setLimits = (edited: number, control: number) =>
      service.setLimits(
        limitsOf([limitRule('edited', bucket(edited)), limitRule('control', bucket(control))]),
      )
    const remaining = async (policy: string): Promise<number> => {
      const { verdicts } = await service.explain({ domain: '', descriptors: [descriptor(policy)] })
      return verdicts[0]!.standing!.remaining
    }
    // Both are empty. One is refilled until an edit, and the other from an edit on.
    setLimits(1, hour)
    for (const policy of ['edited', 'control']) {
      const request = { domain: '', descriptors: [descriptor(policy, {}, 10_000)] }
      assert.equal((await service.decide(request)).overall_code, 'OK')
    }
    await until('some is refilled', async () => (await remaining('edited')) > 1_000)
    const least = await remaining('edited')
    assert.equal(await remaining('control'), 0)
    setLimits(hour, 1)
    const most = await remaining('edited')
    await until('the other is refilled', async () => (await remaining('control')) > 2_000)
    // Nothing is taken back of what was refilled before, and nothing comes after it.
    const left = await remaining('edited')
    assert.ok(least - known <= left && left <= most + known, `${least} <= ${left} <= ${most}`)
  })
}
