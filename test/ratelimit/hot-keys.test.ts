import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { LimitNumbers } from '../../src/model/limit-rule.ts'
import { createRedisStore } from '../../src/ratelimit/stores/redis/redis-store.ts'
import { hitOn } from '../support/hits.ts'
import { valkeyOfTests } from '../support/valkey-link.ts'

const hour = 3_600_000
const limit = (amount: number): LimitNumbers => ({ algorithm: 'fixed_window', limit: amount, windowMs: hour })

describe('keys that are over their limit', () => {
  const valkey = valkeyOfTests()

  /** A store whose own clock stands until it is moved; the counters' is Valkey's. */
  function open() {
    let own = 1_000_000
    const store = createRedisStore({ link: valkey.link, monotonic: () => own })
    const pass = (ms: number) => {
      own += ms * 1_000
    }
    return { store, pass }
  }

  test('refuse without a call to the store, and say the same as it does', async () => {
    const { store } = open()
    const hit = hitOn('hot', limit(2))
    for (const admitted of [true, true, false]) assert.equal((await store.take([hit])).admitted, admitted)
    const asked = store.counts.calls
    for (let n = 0; n < 20_000; n++) {
      const { admitted, outcomes } = await store.take([hit])
      assert.deepEqual([admitted, outcomes[0]!.remaining], [false, 0])
    }
    assert.equal(store.counts.calls, asked)
    const [here, there] = [await store.take([hit]), await open().store.take([hit])]
    assert.ok(Math.abs(here.outcomes[0]!.retryAfter! - there.outcomes[0]!.retryAfter!) < hour * 1_000)
    assert.equal(there.admitted, false)
  })

  test('the store is asked again four times a second', async () => {
    const { store, pass } = open()
    const hit = hitOn('again', limit(1))
    await store.take([hit])
    await store.take([hit])
    const before = store.counts.calls
    for (let ms = 0; ms < 2_000; ms += 10) {
      pass(10)
      assert.equal((await store.take([hit])).admitted, false)
    }
    assert.ok(store.counts.calls - before <= 8, `${store.counts.calls - before} calls`)
    assert.ok(store.counts.calls > before)
  })

  test('a reset, a grant and a raised limit hold at once', async () => {
    const { store, pass } = open()
    const hit = hitOn('back', limit(1))
    const refused = async () => !(await store.take([hit])).admitted
    const fill = async () => {
      // What was asked in the same moment as the reset is not remembered.
      pass(1)
      while (!(await refused()));
    }
    await fill()
    assert.ok(await refused())
    await store.reset(hit.policy, hit.counter, hit.rule)
    assert.ok(!(await refused()))
    await fill()
    await store.grant(hit.policy, hit.counter, hit.rule, 1)
    assert.ok(!(await refused()))
    await fill()
    assert.ok((await store.take([hitOn('back', limit(3))])).admitted)
  })

  test('a request of which one counter is not known is asked for', async () => {
    const { store } = open()
    const [hot, other] = [hitOn('one', limit(1)), hitOn('two', limit(5), { policy: 'q' })]
    await store.take([hot])
    await store.take([hot])
    const before = store.counts.calls
    const { admitted, outcomes } = await store.take([hot, other])
    assert.deepEqual([admitted, outcomes[1]!.remaining, store.counts.calls - before], [false, 5, 1])
    await store.take([hot, other])
    assert.equal(store.counts.calls - before, 1, 'both are known now')
    assert.ok((await store.take([other])).admitted, 'it took nothing')
  })
})
