import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Call, type Numbers, type Report, renewAfter, step } from '../../src/breaker/machine.ts'
import type { BreakerState } from '../../src/breaker/state.ts'
import { readState, stateText } from '../../src/breaker/state-text.ts'

const numbers: Numbers = { errorRate: 50, window: 10, open: 30_000_000, probes: 1 }
const now = 1_000_000_000
const note = { author: 'ada', message: 'the shop is on fire' }
const life = 20_000_000

const none = { hold: undefined, last: 0, successes: 0, places: [], note: undefined, ring: '' } as const
const at = { generation: 900, since: 900_000_000, seen: 900_000_000 }
const closed = (ring = ''): BreakerState => ({ name: 'closed', cause: 'new', ...at, ...none, ring })
const open = (since: number, hold?: BreakerState['hold']): BreakerState => {
  return { name: 'open', cause: 'outcomes', ...at, since, ...none, hold }
}
const halfOpen = (more: Partial<BreakerState> = {}): BreakerState => {
  return { name: 'half_open', cause: 'time', ...at, ...none, ...more }
}
const said = (outcomes: string, place?: number, generation = 900): Call => {
  const report: Report = { generation, outcomes, ...(place !== undefined && { place }) }
  return { reports: [report] }
}
const asks: Call = { asks: [life] }
const place = { id: 7, until: now + 5 }
const dead = { id: 8, until: now }

/** What a state comes to, with what is left in it; what a request that asks is told. */
const table: readonly [
  title: string,
  before: BreakerState,
  call: Call,
  then: string,
  admission?: number | string,
  other?: Partial<Numbers>,
][] = [
  ['nothing was heard', closed(), {}, 'closed'],
  ['closed: a request is admitted', closed('1111'), asks, 'closed 1111', 'closed'],
  ['9 failures of 9 leave it closed', closed('11111111'), said('1'), 'closed 111111111'],
  ['5 of 10 leave it closed', closed('111110000'), said('0'), 'closed 1111100000'],
  ['6 of 10 open it', closed('111110000'), said('1'), 'open outcomes'],
  ['6 of the last 10 open it, whenever the others were', closed('0000011111'), said('1'), 'open outcomes'],
  ['only the last 10 count', closed('1111100000'), said('1'), 'closed 1111000001'],
  ['it opens in the middle of what is reported', closed('11111'), said('00001000000'), 'open outcomes'],
  ['aborts are no outcome', closed('11111'), said('aaaaaa'), 'closed 11111'],
  ['an older generation does not count', closed('111110000'), said('1', undefined, 899), 'closed 111110000'],
  ['nor does one that is not known here', closed('111110000'), said('1', undefined, 901), 'closed 111110000'],
  ['nor a probe while it is closed', closed('111110000'), said('1', 7), 'closed 111110000'],
  [
    '1 of 100 is no more than 1 %',
    closed('1'.padEnd(99, '0')),
    said('0'),
    `closed ${'1'.padEnd(100, '0')}`,
    undefined,
    { window: 100, errorRate: 1 },
  ],
  [
    'a smaller window: the last ones are there',
    closed('111100'),
    said('1'),
    'open outcomes',
    undefined,
    { window: 4, errorRate: 49 },
  ],
  [
    'a larger window waits for more',
    closed('1111111111'),
    said('1'),
    'closed 11111111111',
    undefined,
    { window: 20 },
  ],
  ['open: a request is refused', open(now - 29_999_999), asks, 'open outcomes', 'refused'],
  ['open: outcomes of before count for nothing', open(now - 1), said('000000000000'), 'open outcomes'],
  ['half-open to the microsecond', open(now - 30_000_000), asks, `half_open time ${now}`, now],
  [
    'a shorter time counts from when it opened',
    open(now - 10),
    asks,
    `half_open time ${now}`,
    now,
    { open: 10 },
  ],
  ['half-open by looking at it', open(now - 30_000_000), {}, 'half_open time'],
  [
    'held by hand it stays open',
    open(now - 90_000_000, 'hand'),
    asks,
    'open outcomes, held by hand',
    'refused',
  ],
  [
    'held for a time it is open so long',
    open(now - 90_000_000, now + 1),
    asks,
    `open outcomes, held until ${now + 1}`,
    'refused',
  ],
  ['and half-open then', open(now - 1, now), asks, `half_open time ${now}`, now],
  ['half-open: the first is a probe', halfOpen(), asks, `half_open time ${now}`, now],
  ['the next is refused', halfOpen({ places: [place] }), asks, 'half_open time 7', 'refused'],
  [
    'one more where there are two places',
    halfOpen({ places: [place] }),
    asks,
    `half_open time 7,${now}`,
    now,
    { probes: 2 },
  ],
  ['a place that is dead is given away', halfOpen({ places: [dead] }), asks, `half_open time ${now}`, now],
  [
    'but not while there is another',
    halfOpen({ places: [dead] }),
    asks,
    `half_open time 8,${now}`,
    now,
    { probes: 2 },
  ],
  [
    'the report of one that is dead and not given away counts',
    halfOpen({ places: [dead] }),
    said('0', 8),
    'closed probes_succeeded',
  ],
  [
    'a late report of a place that was given away does not',
    halfOpen({ places: [place] }),
    said('0', 8),
    'half_open time 7',
  ],
  ['nor does one without a place', halfOpen({ places: [place] }), said('1'), 'half_open time 7'],
  ['an id is never given twice', halfOpen({ last: now + 3 }), asks, `half_open time ${now + 4}`, now + 4],
  ['a success closes it', halfOpen({ places: [place] }), said('0', 7), 'closed probes_succeeded'],
  ['a failure opens it', halfOpen({ places: [place], successes: 4 }), said('1', 7), 'open probe_failed'],
  [
    'an abort gives the place back',
    halfOpen({ places: [place] }),
    { ...said('a', 7), ...asks },
    `half_open time ${now}`,
    now,
  ],
  [
    'the first success of two',
    halfOpen({ places: [place] }),
    said('0', 7),
    'half_open time +1',
    undefined,
    { probes: 2 },
  ],
  [
    'the second',
    halfOpen({ places: [place], successes: 1 }),
    said('0', 7),
    'closed probes_succeeded',
    undefined,
    { probes: 2 },
  ],
  ['opened by hand', closed('111'), { hand: { to: 'open', note } }, 'open hand, held by hand, by ada'],
  [
    'opened by hand for a time',
    halfOpen(),
    { hand: { to: 'open', for: 5, note } },
    `open hand, held until ${now + 5}, by ada`,
  ],
  [
    'opened by hand anew',
    open(now - 90_000_000),
    { hand: { to: 'open', note } },
    'open hand, held by hand, by ada',
  ],
  ['closed by hand', open(now - 1, 'hand'), { hand: { to: 'closed', note } }, 'closed hand, by ada'],
  [
    'closed by hand while probes are under way',
    halfOpen({ places: [place] }),
    { hand: { to: 'closed', note }, ...said('1', 7) },
    'closed hand, by ada',
  ],
  ['closed by hand, and it was', closed('1110'), { hand: { to: 'closed', note } }, 'closed 1110'],
]

function shown({ name, cause, ring, places, successes, hold, note: why }: BreakerState): string {
  const words = [
    name,
    ...(cause === 'new' ? [] : [cause]),
    ...(ring === '' ? [] : [ring]),
    ...(places.length === 0 ? [] : [places.map(({ id }) => id).join()]),
    ...(successes === 0 ? [] : [`+${successes}`]),
  ]
  const held = hold === undefined ? '' : hold === 'hand' ? ', held by hand' : `, held until ${hold}`
  return words.join(' ') + held + (why === undefined ? '' : `, by ${why.author}`)
}

describe('the breaker', () => {
  for (const [title, before, call, then, admission, other] of table) {
    test(title, () => {
      const { state, from, admissions } = step(before, undefined, { ...numbers, ...other }, call, now)
      assert.equal(shown(state), then)
      assert.deepEqual(admissions, admission === undefined ? [] : [admission])
      const isMoved = state.name !== before.name || state.cause !== before.cause
      assert.equal(from, isMoved ? before.name : undefined)
      if (isMoved) assert.deepEqual([state.generation, state.since], [now, now])
      else assert.deepEqual([state.generation, state.since], [before.generation, before.since])
      assert.deepEqual(readState(stateText(state)), state)
    })
  }

  test('the first state of a cluster is closed, and its generation is the time', () => {
    const { state, from, isChanged } = step(undefined, undefined, numbers, {}, now)
    assert.deepEqual(
      { ...state, from, isChanged },
      {
        ...{ name: 'closed', cause: 'new', generation: now, since: now, seen: now, ...none },
        ...{ from: undefined, isChanged: true },
      },
    )
  })

  test('a generation is greater than the one before, whatever the clock says', () => {
    const before = { ...halfOpen({ places: [place] }), generation: now + 5 }
    assert.equal(step(before, undefined, numbers, said('1', 7, now + 5), now).state.generation, now + 6)
  })

  test('a store that lost what came since is told by the replica that knows, and by no other', () => {
    const known = open(now - 1, 'hand')
    const lost = step(undefined, known, numbers, asks, now)
    assert.deepEqual([lost.state, lost.isChanged, lost.from], [{ ...known, seen: now }, true, undefined])
    const older = { ...closed('111'), generation: 899 }
    assert.equal(step(older, known, numbers, {}, now).state.name, 'open')
    const newer = { ...closed('111'), cause: 'hand' as const, generation: 901 }
    assert.deepEqual(step(newer, known, numbers, {}, now).state, newer)
    // The store alone knows the ring.
    assert.equal(step(closed('111'), closed(), numbers, {}, now).state.ring, '111')
  })

  test('a store that lost all, and began anew for a replica that knew nothing, is told by one that knows', () => {
    const known = open(now - 1, 'hand')
    const anew = { ...closed('11'), generation: 901 }
    const back = step(anew, known, numbers, asks, now)
    assert.deepEqual(back.state, { ...known, generation: 902, seen: now })
    assert.deepEqual([back.from, back.isChanged, back.admissions], ['closed', true, ['refused']])
    // What was closed otherwise is the later word, and one that was closed has nothing to bring back.
    const byHand = { ...anew, cause: 'hand' as const }
    assert.equal(step(byHand, known, numbers, {}, now).state.name, 'closed')
    assert.deepEqual(step(anew, closed(), numbers, {}, now).state, anew)
    // Its time may be over by then.
    const over = step(anew, open(now - numbers.open), numbers, {}, now)
    assert.deepEqual([over.state.name, over.from], ['half_open', 'closed'])
  })

  test('a clock that is set back holds nothing open for longer', () => {
    const hour = 3_600_000_000
    const late = { ...open(now + hour), seen: now + hour }
    const { state } = step(late, undefined, numbers, {}, now)
    assert.deepEqual([state.since, state.seen, state.generation], [now, now, late.generation])
    assert.equal(step(state, undefined, numbers, {}, now + numbers.open).state.name, 'half_open')
    const held = step({ ...late, hold: now + hour + 9 }, undefined, numbers, {}, now)
    assert.equal(held.state.hold, now + 9)
    const probing = { ...halfOpen({ places: [{ id: 7, until: now + hour + 9 }] }), seen: now + hour }
    assert.deepEqual(step(probing, undefined, numbers, {}, now).state.places, [{ id: 7, until: now + 9 }])
  })

  test('what nobody changes is written again after a day, and not before', () => {
    const before = { ...open(now, 'hand'), seen: now }
    assert.equal(step(before, undefined, numbers, {}, now + renewAfter - 1).isChanged, false)
    const { state, isChanged } = step(before, undefined, numbers, {}, now + renewAfter)
    assert.deepEqual([isChanged, state], [true, { ...before, seen: now + renewAfter }])
  })

  test('what is no state is not read', () => {
    for (const text of ['', 'closed', `${stateText(closed())} 1`, stateText(closed()).replace('900', '9e9')])
      assert.equal(readState(text), undefined, text)
  })
})
