import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Admission, type Call, type Numbers, type Report, step } from '../../src/breaker/machine.ts'
import type { BreakerState } from '../../src/breaker/state.ts'
import { createMemoryBreakerStore } from '../../src/breaker/stores/memory-store.ts'
import { createRedisBreakerStore } from '../../src/breaker/stores/redis-store.ts'
import { valkeyOfTests } from '../support/valkey-link.ts'
import { PlainBreaker } from './oracle.ts'

const prefix = 'weir:2:b:fleet:'
const isLong = process.env.WEIR_LONG === '1'

function seldom<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: 15, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })
}

/** What happens next. Requests that were admitted, and those of before, report in any order, and twice. */
const event = fc.record({
  after: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(400), fc.constant(1_000)),
  asks: fc.array(fc.nat(300), { maxLength: 3 }),
  reports: fc.array(
    fc.record({
      of: fc.oneof(fc.nat(2), fc.nat(20)),
      outcomes: fc.stringMatching(/^[01a]{1,6}$/),
      again: fc.integer({ min: 0, max: 9 }),
    }),
    { maxLength: 3 },
  ),
  hand: seldom(fc.constantFrom<['open' | 'closed', number?]>(['open'], ['open', 150], ['closed'])),
  edit: seldom(
    fc.record({
      errorRate: fc.constantFrom(1, 33, 50, 99),
      window: fc.integer({ min: 1, max: 8 }),
      open: fc.constantFrom(1, 100, 400),
      probes: fc.integer({ min: 1, max: 3 }),
    }),
  ),
})
const first = { errorRate: 50, window: 3, open: 100, probes: 1 }
const histories = fc.array(event, { minLength: 1, maxLength: 60, size: 'max' })

interface Played {
  readonly numbers: Numbers
  readonly call: Call
  readonly now: number
}

/** Makes calls of the events one after the other; what was admitted is told back, for the reports of later ones. */
function* played(history: readonly (typeof event extends fc.Arbitrary<infer T> ? T : never)[]) {
  const note = { author: 'ada', message: '' }
  const admitted: Omit<Report, 'outcomes'>[] = []
  let numbers: Numbers = first
  let now = 1_000_000
  for (const { after, asks, reports, hand, edit } of history) {
    now += after
    numbers = edit ?? numbers
    const made = reports.flatMap(({ of, outcomes, again }): Report[] => {
      if (admitted.length === 0) return []
      const index = Math.max(0, admitted.length - 1 - of)
      const request = admitted[index]!
      if (again > 0) admitted.splice(index, 1)
      return [{ ...request, outcomes: request.place === undefined ? outcomes : outcomes[0]! }]
    })
    const call: Call = {
      ...{ asks, reports: made },
      ...(hand !== null && {
        hand: { to: hand[0], note, ...(hand[1] !== undefined && { for: hand[1] }) } as never,
      }),
    }
    const told: { generation: number; admissions: readonly Admission[] } = yield { numbers, call, now }
    for (const admission of told.admissions) {
      if (admission === 'refused') continue
      const place = admission === 'closed' ? {} : { place: admission }
      admitted.push({ generation: told.generation, ...place })
    }
  }
}

type Playing = Generator<Played, void, { generation: number; admissions: readonly Admission[] }>

test('the machine does what the rules say, told another way', () => {
  const seen = new Map<string, number>()
  const property = fc.property(histories, (history) => {
    const playing = played(history) as Playing
    const plain = new PlainBreaker()
    let state: BreakerState | undefined
    for (let next = playing.next(); next.done !== true; ) {
      const { numbers, call, now } = next.value
      const { state: after, from, admissions } = step(state, undefined, numbers, call, now)
      assert.deepEqual(admissions, plain.step(numbers, call, now))
      const { name, generation, began } = plain.era
      assert.deepEqual([after.name, after.generation, after.since], [name, generation, began])
      if (from !== undefined) {
        const way = `${from} -> ${after.name}, ${after.cause}`
        seen.set(way, (seen.get(way) ?? 0) + 1)
      }
      if (after.name !== 'half_open') assert.deepEqual([after.places, after.successes], [[], 0])
      if (after.name !== 'closed') assert.equal(after.ring, '')
      state = after
      next = playing.next({ generation: after.generation, admissions })
    }
    const generations = plain.eras.map((era) => era.generation)
    assert.deepEqual(
      generations,
      [...new Set(generations)].sort((one, other) => one - other),
    )
  })
  fc.assert(property, { numRuns: isLong ? 50_000 : 1_000 })
  for (const way of [
    ...[
      'closed -> open, outcomes',
      'closed -> open, hand',
      'open -> half_open, time',
      'open -> closed, hand',
    ],
    ...['open -> open, hand', 'half_open -> closed, probes_succeeded', 'half_open -> open, probe_failed'],
    ...['half_open -> closed, hand', 'half_open -> open, hand'],
  ])
    assert.ok((seen.get(way) ?? 0) > 50, `${way}: ${seen.get(way)} times`)
})

describe('the machine in Valkey', () => {
  const valkey = valkeyOfTests()
  let runs = 0

  test('does the same as the one in memory, also where the store loses what it had or its clock is set back', async () => {
    const lapses = fc.array(
      fc.record({ at: fc.nat(59), what: fc.constantFrom('lost', 'back', 'old'), by: fc.nat(2_000) }),
      { maxLength: 4 },
    )
    const property = fc.asyncProperty(histories, lapses, async (history, all) => {
      const cluster = `c${runs++}`
      let now = 0
      const clock = () => now
      const memory = createMemoryBreakerStore(clock)
      const redis = createRedisBreakerStore({ link: valkey.link, prefix, clock })
      const key = prefix + cluster
      const playing = played(history) as Playing
      let known: BreakerState | undefined
      let back = 0
      const heard: BreakerState[] = []
      let kept: { text: string; state: BreakerState } | undefined
      for (let next = playing.next(), index = 0; next.done !== true; index++) {
        const { numbers, call } = next.value
        for (const { what, by } of all.filter(({ at }) => at === index)) {
          if (what === 'back') back += by
          if (what === 'old' && kept !== undefined) {
            await valkey.link.client.set(key, kept.text)
            memory.states.set(cluster, kept.state)
          }
          if (what !== 'lost') continue
          await valkey.link.client.del(key)
          memory.states.delete(cluster)
        }
        now = next.value.now - back
        const question = { cluster, numbers, known: [undefined, known, heard[0]][index % 3], call }
        const [one, other] = [memory.step(question), await redis.step(question)]
        assert.deepEqual(other, one)
        if (index % 5 === 0)
          kept = { text: (await valkey.link.client.get(key))!, state: memory.states.get(cluster)! }
        known = one.state
        heard.push(known)
        if (heard.length > 4) heard.shift()
        next = playing.next({ generation: one.state.generation, admissions: one.admissions })
      }
    })
    await fc.assert(property, { numRuns: isLong ? 3_000 : 40 })
  })

  test('time is the server’s, and numbers lose no digit', async () => {
    const store = createRedisBreakerStore({ link: valkey.link, prefix })
    const question = { cluster: 'real', numbers: first, known: undefined }
    const { state } = await store.step({ ...question, call: {} })
    const [seconds, micros] = await valkey.link.client.time()
    const age = Number(seconds) * 1_000_000 + Number(micros) - state.generation
    assert.ok(age >= 0 && age < 60_000_000, `${age}`)
    const far = { ...state, generation: 9_007_199_254_740_989, last: 9_007_199_254_740_990 }
    const hand = { to: 'open' as const, note: { author: 'ada', message: '' } }
    const next = await store.step({ ...question, known: far, call: { hand } })
    assert.deepEqual([next.state.generation, next.state.last], [9_007_199_254_740_990, far.last])
  })

  test('a state goes 90 days after it was written last', async () => {
    const store = createRedisBreakerStore({ link: valkey.link, prefix })
    await store.step({ cluster: 'days', numbers: first, known: undefined, call: {} })
    const days = (await valkey.link.client.pttl(`${prefix}days`)) / 86_400_000
    assert.ok(days > 89 && days <= 90, `${days}`)
  })
})
