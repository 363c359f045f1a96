import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { algorithmNames } from '../../src/ratelimit/algorithms/bound-rule.ts'
import type { Hit } from '../../src/ratelimit/stores/counter-store.ts'
import { createRedisStore } from '../../src/ratelimit/stores/redis/redis-store.ts'
import { readReply } from '../../src/ratelimit/stores/redis/replay.ts'
import { loadScripts } from '../../src/ratelimit/stores/redis/scripts.ts'
import { createSingleLink } from '../../src/ratelimit/stores/redis/single.ts'
import { type Reservation, SlotCalls } from '../../src/ratelimit/stores/redis/slot-calls.ts'
import { each, hitOn } from '../support/hits.ts'
import { startValkey, type Valkey } from '../support/valkey.ts'
import { createPlainStore } from './oracle/plain-store.ts'

const start = 1_700_000_000_000_000
const graceMs = 3_600_000

describe('what was reserved is given back', () => {
  let valkey: Valkey
  let link: ReturnType<typeof createSingleLink>
  const scripts = loadScripts()
  let count = 0
  before(async () => {
    valkey = await startValkey()
    link = createSingleLink({ host: '127.0.0.1', port: valkey.port })
    await once(link.client, 'ready')
  })
  after(async () => {
    link.close()
    await valkey.stop()
  })

  /** A counter of its own, and a clock that is set. */
  function setUp(algorithm: number, amount: number, ms: number) {
    let now = start
    const clock = () => now
    const calls = new SlotCalls({
      run: async (name, call) =>
        readReply(call.keys, await link.run(scripts[name], call.names, call.list(now, graceMs))),
      together: undefined,
      own: clock,
      onCall: () => undefined,
    })
    const store = createRedisStore({ link, clock, monotonic: clock, graceMs })
    const hit: Hit = hitOn(`${count++}`, each(amount, ms)[algorithm]!)
    return {
      ...{ calls, store, hit, clock },
      pass(us: number) {
        now += us
      },
      take: async (cost: number) => (await calls.take(0, [{ ...hit, cost }])).taken.admitted,
      reserve: async (cost: number) => (await calls.take(0, [{ ...hit, cost }], true)).reservation,
      used: async () => (await store.peek('p', hit.counter, hit.rule))?.used ?? 0,
    }
  }

  for (const [algorithm, name] of algorithmNames.entries()) {
    test(`${name}: once, within 50 ms`, async () => {
      const { calls, take, reserve, used, pass } = setUp(algorithm, 10, 86_400_000)
      assert.ok(await take(2))
      const [first, second] = [(await reserve(3))!, (await reserve(1))!]
      await calls.giveBack(second)
      assert.equal(await used(), 5)
      await calls.giveBack(second)
      assert.equal(await used(), 5)
      pass(49_000)
      await calls.giveBack(first)
      assert.equal(await used(), 2)
      const late = (await reserve(3))!
      pass(50_000)
      await calls.giveBack(late)
      assert.equal(await used(), 5)
    })

    test(`${name}: not what was reset or granted since`, async () => {
      const { calls, store, hit, take, reserve, used } = setUp(algorithm, 10, 86_400_000)
      const first = (await reserve(3))!
      await store.reset('p', hit.counter, hit.rule)
      assert.ok(await take(4))
      await calls.giveBack(first)
      assert.equal(await used(), 4)
      const second = (await reserve(3))!
      assert.ok(await store.grant('p', hit.counter, hit.rule, 5))
      await calls.giveBack(second)
      assert.equal(await used(), 2)
    })

    test(`${name}: never more than would be free without it`, async () => {
      const step = fc.record({
        kind: fc.constantFrom('take', 'take', 'reserve', 'reserve', 'return'),
        after: fc.oneof(
          fc.constant(0),
          fc.integer({ min: 0, max: 1_000 }),
          fc.integer({ min: 0, max: 20_000 }),
        ),
        cost: fc.integer({ min: 0, max: 3 }),
        which: fc.nat(1),
      })
      const seen = { taken: 0, returned: 0 }
      const schedule = fc.record({
        amount: fc.integer({ min: 1, max: 8 }),
        ms: fc.constantFrom(2, 20, 100),
        steps: fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }),
      })
      const property = fc.asyncProperty(schedule, async ({ amount, ms, steps }) => {
        const { calls, hit, clock, take, reserve, pass, used } = setUp(algorithm, amount, ms)
        // Has seen nothing of what was given back, and all else.
        const without = createPlainStore(clock)
        const open: { reservation: Reservation; cost: number }[] = []
        for (const { kind, after: us, cost, which } of steps) {
          pass(us)
          if (kind === 'return') {
            const [one] = open.splice(which, 1)
            if (one === undefined) continue
            const before = await used()
            await calls.giveBack(one.reservation)
            seen.returned += Number((await used()) < before)
          } else if (kind === 'reserve') {
            const reservation = await reserve(cost)
            if (reservation !== undefined) open.push({ reservation, cost })
          } else if (await take(cost)) {
            assert.ok(without.take([{ ...hit, cost }]).admitted)
            seen.taken++
          }
          const free = without.look([hit]).outcomes[0]!.remaining
          const { remaining } = (await calls.read(0, [hit])).replay.decide([hit], false).outcomes[0]!
          assert.ok(remaining <= free, `${remaining} are free, and ${free} without reservations`)
        }
      })
      await fc.assert(property, { endOnFailure: true, numRuns: process.env.WEIR_LONG === '1' ? 5_000 : 150 })
      for (const [what, times] of Object.entries(seen)) assert.ok(times > 20, `${what}: ${times}`)
    })
  }

  test('token_bucket: not what was refilled since, beside others that were given back', async () => {
    const { calls, take, reserve, used, pass } = setUp(algorithmNames.indexOf('token_bucket'), 10, 1)
    const [first, second] = [(await reserve(1))!, (await reserve(1))!]
    await calls.giveBack(first)
    pass(1_000)
    assert.ok(await take(1))
    await calls.giveBack(second)
    assert.equal(await used(), 1)
  })

  test('leaky_bucket: not once somebody is behind it', async () => {
    const { calls, take, reserve, used } = setUp(algorithmNames.indexOf('leaky_bucket'), 10, 86_400_000)
    const first = (await reserve(3))!
    assert.ok(await take(1))
    await calls.giveBack(first)
    assert.equal(await used(), 4)
  })

  test('fixed_window: not in the next window', async () => {
    const { calls, take, reserve, used, pass } = setUp(0, 10, 40)
    pass(30_000)
    const first = (await reserve(3))!
    pass(20_000)
    assert.ok(await take(4))
    await calls.giveBack(first)
    assert.equal(await used(), 4)
  })
})
