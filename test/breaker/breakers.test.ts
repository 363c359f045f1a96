import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type Breakers, createBreakers } from '../../src/breaker/breakers.ts'
import type { BreakerStore } from '../../src/breaker/store.ts'
import { createMemoryBreakerStore } from '../../src/breaker/stores/memory-store.ts'
import { breakerIsOpen } from '../../src/model/breaker-descriptor.ts'
import type { BreakerRule } from '../../src/model/breaker-rule.ts'
import type { Event } from '../../src/observe.ts'
import { askOf, clientsOf, request, saidBy, shop } from '../support/breaker-requests.ts'
import { until } from '../support/until.ts'

/** A replica whose store and clock a test has in its hands. */
function start(t: TestContext, rule: Partial<BreakerRule> = {}, wrap = (store: BreakerStore) => store) {
  let now = 1_000_000_000_000_000
  let trouble: string | undefined
  const events: Event[] = []
  const memory = createMemoryBreakerStore(() => now)
  const breakers = createBreakers({
    store: wrap(memory),
    clocks: { wall: () => now, monotonic: () => now },
    observe: (event) => void events.push(event),
    timeoutMs: 20,
    trouble: () => trouble,
    lookMs: 50,
  })
  t.after(breakers.close)
  breakers.setBreakers(new Map([['shop', { ...shop, ...rule }]]))
  const stateNow = async () => (await breakers.find('shop'))?.state
  return {
    ...{ breakers, memory, events, stateNow, ...clientsOf(breakers) },
    pass: (seconds: number) => {
      now += seconds * 1_000_000
    },
    away: (why: string | undefined) => {
      trouble = why
    },
    becomes: (name: string) => until(name, async () => (await stateNow())?.name === name),
    dropped: () =>
      events.reduce((sum, each) => sum + (each.event === 'breaker_outcomes_dropped' ? each.outcomes : 0), 0),
    moves: () =>
      events.flatMap((each) => (each.event === 'breaker_moved' ? [`${each.from} ${each.to}`] : [])),
  }
}

/** A store like Redis: it answers later, when a test says so where it holds it. */
function remote() {
  const calls: string[] = []
  let gate: Promise<void> | undefined
  let open = () => {}
  const wrap = (store: BreakerStore): BreakerStore => ({
    isLocal: false,
    async step(question) {
      calls.push(Object.keys(question.call)[0] ?? 'read')
      const reply = store.step(question)
      await gate
      return reply
    },
  })
  return {
    ...{ wrap, calls },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = promise
      open = resolve
    },
    release() {
      gate = undefined
      open()
    },
  }
}

describe('breakers of a replica', () => {
  test('a breaker over its whole life', async (t) => {
    const { ask, requests, report, becomes, pass, moves, events } = start(t)
    await requests(4, 'ok')
    await requests(5, 'fail')
    const late = (await ask()).gen!
    await requests(1, 'fail')
    await becomes('open')
    assert.deepEqual(await ask(), { retryAfter: 30 })
    pass(29.5)
    assert.deepEqual(await ask(), { retryAfter: 1 })
    pass(0.5)
    const probe = (await ask()).gen!
    assert.match(probe, /^\d+\.\d+$/)
    assert.deepEqual(await Promise.all([ask(), ask()]), [{ retryAfter: 1 }, { retryAfter: 1 }])
    // What was admitted before it opened says nothing of it now, nor does what nobody asked for.
    for (const gen of [late, `${probe}1`, '1.1']) await report(gen, 'fail')
    await report(probe, 'fail')
    await becomes('open')
    assert.deepEqual(await ask(), { retryAfter: 30 })
    pass(30)
    await report((await ask()).gen!, 'ok')
    await becomes('closed')
    assert.match((await ask()).gen!, /^\d+$/)
    assert.deepEqual(moves(), [
      ...['closed open', 'open half_open', 'half_open open'],
      ...['open half_open', 'half_open closed'],
    ])
    assert.equal(events.filter(({ event }) => event === 'breaker_refused').length, 5)
  })

  test('a refusal is a sentence, and Envoy is told to make a problem document of it', async (t) => {
    const { breakers } = start(t)
    await breakers.set('shop', { to: 'open', note: { author: 'ada', message: '' } })
    const { response_headers_to_add, raw_body, dynamic_metadata } = await breakers.decide(askOf())
    // Held by hand it has no end that is known.
    assert.deepEqual(response_headers_to_add, [{ key: 'Retry-After', value: '30' }])
    assert.equal(String(raw_body), breakerIsOpen)
    assert.deepEqual(dynamic_metadata, { fields: { problem: { stringValue: '503' } } })
  })

  test('with a fallback the request goes there, and is not admitted', async (t) => {
    const { breakers, events } = start(t, { fallback: true })
    await breakers.set('shop', { to: 'open', note: { author: 'ada', message: '' } })
    assert.deepEqual(saidBy(await breakers.decide(askOf('shop', '1000', 'yes'))), { fallback: 'shop' })
    assert.deepEqual(
      events.filter(({ event }) => event === 'breaker_refused'),
      [{ event: 'breaker_refused', cluster: 'shop', by: 'fallback' }],
    )
  })

  test('an Envoy that does not know the fallback yet refuses, as one does that knows it still', async (t) => {
    const asked = async (fallback: boolean, known?: 'yes') => {
      const { breakers, events } = start(t, { fallback })
      await breakers.set('shop', { to: 'open', note: { author: 'ada', message: '' } })
      const said = saidBy(await breakers.decide(askOf('shop', '1000', known)))
      return [said, events.flatMap((each) => (each.event === 'breaker_refused' ? [each.by] : []))]
    }
    assert.deepEqual(await asked(true), [{ retryAfter: 30 }, ['answer']])
    assert.deepEqual(await asked(false, 'yes'), [{ retryAfter: 30 }, ['answer']])
  })

  test('an answer that began late is a failure, where that is written; one of unknown time is none', async (t) => {
    const { ask, report, becomes, stateNow } = start(t, { slowerThan: 100, window: 4, errorRate: 50 })
    for (const duration of [100, undefined, 0]) await report((await ask()).gen!, 'ok', duration)
    await until('they are counted', async () => (await stateNow()) !== undefined)
    for (const duration of [101, 5_000, 200]) await report((await ask()).gen!, 'ok', duration)
    await becomes('open')
  })

  test('the place of a probe is another one’s at once when it is given up, and after its time when nothing is heard', async (t) => {
    const { breakers, ask, report, becomes, pass } = start(t)
    await breakers.set('shop', { to: 'open', for: 1, note: { author: 'ada', message: '' } })
    pass(1)
    const first = (await ask()).gen!
    await report(first, 'abort')
    const second = (await ask('shop', '2000')).gen!
    assert.notEqual(second, first)
    pass(6.9)
    assert.deepEqual(await ask(), { retryAfter: 1 })
    pass(0.1)
    const third = (await ask()).gen!
    await report(second, 'fail')
    assert.deepEqual(await ask(), { retryAfter: 1 })
    await report(third, 'ok')
    await becomes('closed')
  })

  test('an edit of the numbers keeps the state; without its rule a cluster is not asked for', async (t) => {
    const { breakers, ask, pass, events } = start(t)
    await breakers.set('shop', { to: 'open', for: 30_000_000, note: { author: 'ada', message: '' } })
    breakers.setBreakers(new Map([['shop', { ...shop, open: 1 }]]))
    pass(10)
    assert.deepEqual(await ask(), { retryAfter: 20 })
    breakers.setBreakers(new Map())
    assert.deepEqual(await ask(), {})
    assert.deepEqual(await breakers.list(), [])
    assert.deepEqual(events.at(-1), { event: 'breaker_state', cluster: 'shop', state: undefined })
  })

  test('what is not closed: also what this replica never heard of, which it asks for once', async (t) => {
    const { wrap, calls } = remote()
    const { breakers, memory, away } = start(t, {}, wrap)
    const hand = { to: 'open', note: { author: 'ada', message: '' } } as const
    memory.step({ cluster: 'shop', numbers: shop, known: undefined, call: { hand } })
    const named = async () =>
      (await breakers.notClosed()).map(({ rule, state }) => [rule.cluster, state?.name])
    away('cannot be reached')
    assert.deepEqual([await named(), calls], [[], []])
    away(undefined)
    assert.deepEqual([await named(), calls], [[['shop', 'open']], ['read']])
    assert.deepEqual([await named(), calls], [[['shop', 'open']], ['read']])
  })

  test('before the rules are known another replica is to be asked', (t) => {
    const clocks = { wall: () => 1, monotonic: () => 1 }
    const store = createMemoryBreakerStore(() => 1)
    const observe = () => {}
    const breakers = createBreakers({ store, clocks, observe, timeoutMs: 1, trouble: () => undefined })
    t.after(breakers.close)
    assert.throws(() => breakers.decide(askOf()), { code: 'unavailable' })
  })

  test('whatever a peer sends makes no state, no event and no failure', async (t) => {
    const { breakers, memory, events, stateNow } = start(t)
    const gen = '1000000000000000'
    const report = { breaker: 'report', destination_cluster: 'shop', gen, outcome: 'fail' }
    const odd = [
      {},
      { descriptors: [] },
      { descriptors: [{}] },
      { descriptors: [{ entries: [{}] }] },
      askOf('other'),
      askOf(''),
      askOf('s'.repeat(100_000)),
      askOf('__proto__'),
      request({ breaker: 'destroy', destination_cluster: 'shop' }),
      request({ destination_cluster: 'shop' }),
      request({ ...report, gen: '' }),
      request({ ...report, gen: '-1' }),
      request({ ...report, gen: `${gen}.` }),
      request({ ...report, gen: '1'.repeat(17) }),
      request({ ...report, outcome: 'FAIL' }),
      request({ ...report, outcome: '' }),
      request({ ...report, ...Object.fromEntries(Array.from({ length: 9 }, (_, index) => [index, ''])) }),
      request(...Array.from({ length: 64 }, () => ({ ...report, destination_cluster: 'other' }))),
    ]
    for (const each of odd) assert.deepEqual(saidBy(await breakers.decide(each)), {}, JSON.stringify(each))
    await pause(20)
    assert.deepEqual([[...memory.states], events], [[], []])
    const { gen: own } = saidBy(await breakers.decide(askOf('shop', 'soon')))
    assert.equal((await stateNow())!.generation, Number(own))
  })
})

describe('with a store elsewhere', () => {
  test('only the first of a closed breaker’s requests asks it, and outcomes go together', async (t) => {
    const { wrap, calls } = remote()
    const { breakers, ask, report, stateNow } = start(t, { window: 1_000 }, wrap)
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask()))
    assert.equal(new Set(answers.map(({ gen }) => gen)).size, 1)
    assert.ok(calls.length <= 2, `${calls}`)
    calls.length = 0
    await Promise.all(answers.map(({ gen }) => report(gen!, 'ok')))
    for (let index = 0; index < 50; index++) assert.deepEqual(await ask(), answers[0])
    await until('they are written', async () => (await breakers.find('shop'))?.outcomes.of === 50)
    assert.deepEqual(
      calls.filter((each) => each === 'reports'),
      ['reports'],
    )
    assert.equal((await stateNow())!.name, 'closed')
  })

  test('one place is one place, however many ask at once', async (t) => {
    const { wrap } = remote()
    const { breakers, ask, pass } = start(t, { probes: 3 }, wrap)
    await breakers.set('shop', { to: 'open', for: 1, note: { author: 'ada', message: '' } })
    pass(1)
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask()))
    assert.equal(answers.filter(({ gen }) => gen !== undefined).length, 3)
    assert.equal(answers.filter(({ retryAfter }) => retryAfter === 1).length, 37)
  })

  test('an ask waits no longer than the timeout, and a place that comes later is given back', async (t) => {
    const { wrap, hold, release } = remote()
    const { breakers, ask, pass, stateNow } = start(t, {}, wrap)
    await breakers.set('shop', { to: 'open', for: 1, note: { author: 'ada', message: '' } })
    pass(1)
    hold()
    assert.deepEqual(await Promise.all([ask(), ask()]), [{ retryAfter: 1 }, { retryAfter: 1 }])
    release()
    await until('no place is taken', async () => {
      const state = await stateNow()
      return state?.name === 'half_open' && state.places.length === 0
    })
    assert.match((await ask()).gen!, /\./)
  })

  test('while it is away closed stays closed, open stays open, and what was never heard of is let through', async (t) => {
    const { wrap } = remote()
    const { breakers, ask, requests, report, pass, away, dropped, stateNow } = start(t, {}, wrap)
    breakers.setBreakers(
      new Map([
        ['shop', shop],
        ['new', { ...shop, cluster: 'new' }],
      ]),
    )
    await requests(1, 'ok')
    away('cannot be reached')
    await requests(20, 'fail')
    await until('they are dropped', () => dropped() >= 20)
    assert.match((await ask()).gen!, /^\d+$/)
    assert.deepEqual(await ask('new'), {})
    const [other, known] = await breakers.list()
    assert.deepEqual([other!.state, other!.trouble], [undefined, 'cannot be reached'])
    assert.deepEqual([known!.state!.name, known!.trouble], ['closed', 'cannot be reached'])
    const note = { author: 'ada', message: '' }
    await assert.rejects(breakers.set('shop', { to: 'open', note }), { code: 'unavailable', retryAfter: 1 })

    away(undefined)
    await breakers.set('shop', { to: 'open', for: 5_000_000, note })
    away('cannot be reached')
    assert.deepEqual(await ask(), { retryAfter: 5 })
    pass(60)
    assert.deepEqual(await ask(), { retryAfter: 1 })
    away(undefined)
    const probe = (await ask()).gen!
    // What came of a probe is worth another try.
    away('cannot be reached')
    await report(probe, 'ok')
    away(undefined)
    await until('it is closed', async () => (await stateNow())?.name === 'closed')
  })

  test('of a breaker that was taken away during a call no state is told', async (t) => {
    const { wrap, hold, release } = remote()
    const { breakers, ask, events } = start(t, {}, wrap)
    hold()
    const asked = ask()
    breakers.setBreakers(new Map())
    release()
    await asked
    const told = events.flatMap((each) => (each.event === 'breaker_state' ? [each.state] : []))
    assert.deepEqual(told, [undefined])
  })

  test('a store that fails without being away says nothing, and costs no more than the bound', async (t) => {
    const wrap = (): BreakerStore => ({ isLocal: false, step: () => Promise.reject(new Error('OOM')) })
    const { ask, report, dropped, events } = start(t, {}, wrap)
    assert.deepEqual(await ask(), {})
    await report('1', 'fail')
    await until('it is dropped', () => dropped() === 1)
    assert.ok(events.some((each) => each.event === 'counter_store_failed' && each.kind === 'oom'))
  })

  test('a transition that nobody told of is found by looking, and one that was told is told once', async (t) => {
    const { wrap } = remote()
    const { breakers, memory, ask, pass } = start(t, {}, wrap)
    const moves: Parameters<Parameters<Breakers['follow']>[0]>[0][] = []
    breakers.follow((move) => void moves.push(move))
    await ask()
    const note = { author: 'ada', message: 'down' }
    // As another replica does it.
    const asked = { cluster: 'shop', numbers: shop, known: undefined }
    memory.step({ ...asked, call: { hand: { to: 'open', note } } })
    pass(1)
    await until('it is refused', async () => (await ask()).retryAfter === 30)
    const { state } = memory.step({ ...asked, call: { hand: { to: 'closed', note } } })
    for (let times = 0; times < 2; times++) breakers.hear({ from: 'open', cluster: 'shop', state })
    assert.match((await ask()).gen!, /^\d+$/)
    // An older one that comes later changes nothing.
    breakers.hear({ from: 'closed', cluster: 'shop', state: { ...state, name: 'open', generation: 1 } })
    breakers.hear({ from: 'closed', cluster: 'other', state })
    assert.match((await ask()).gen!, /^\d+$/)
    assert.deepEqual(
      moves.map(({ from, to, cause, author, message }) => [from, to, cause, author, message]),
      [
        ['closed', 'open', 'hand', 'ada', 'down'],
        ['open', 'closed', 'hand', 'ada', 'down'],
      ],
    )
  })
})
