import type { BreakerRule } from '../model/breaker-rule.ts'
import { type BreakerState, failuresIn, halfOpenAt, type Micros, type Note, type Place } from './state.ts'

export type Numbers = Pick<BreakerRule, 'errorRate' | 'window' | 'open' | 'probes'>

/** What became of admitted requests of one generation, in order: `0` for a success, `1` for a failure, `a` for an abort. */
export interface Report {
  readonly generation: number
  /** Of a probe, which has one outcome. */
  readonly place?: number
  readonly outcomes: string
}

/** Opens it until it is closed by hand, or `for` so long; or closes it. */
export type Hand = { readonly note: Note } & (
  | { readonly to: 'open'; readonly for?: Micros }
  | { readonly to: 'closed' }
)

/** What is done to a breaker in one atomic step, in this order; without anything it is looked at. */
export interface Call {
  readonly hand?: Hand
  readonly reports?: readonly Report[]
  /** One for each request that asks: the time to live that it would have as a probe. */
  readonly asks?: readonly Micros[]
}

/** What a request that asked is told: admitted, as one of many or with a place, or refused. */
export type Admission = 'closed' | Place['id'] | 'refused'

export interface Step {
  readonly state: BreakerState
  /** The state from which it came to another one by this step. */
  readonly from: BreakerState['name'] | undefined
  /** Whether there is anything new to be kept. */
  readonly isChanged: boolean
  readonly admissions: readonly Admission[]
}

/** A state that was read so long after it was written is written again, so that the store goes on keeping it. */
export const renewAfter: Micros = 24 * 60 * 60 * 1_000_000

/**
 * The strict circuit breaker: one step of one cluster's breaker. `before` is what the store has; `known` is the last that
 * this replica heard of, which counts where the store lost what came since (the higher generation is the later state).
 *
 * | state | what happens | then |
 * |---|---|---|
 * | closed | `window` outcomes of this generation are there, and of the last `window` more than `errorRate` % failed | open |
 * | open | `open` is over since it opened; or, by hand for a time, that time | half_open |
 * | half_open | a probe failed | open, for the full time |
 * | half_open | `probes` probes succeeded, and none failed | closed |
 * | any | opened by hand, closed by hand | open, closed |
 * | closed, the first that the store knows | a replica knows that it was not closed before the store lost all | as that was |
 *
 * Each transition begins a new generation with an empty ring and no places. Reports of another generation count for nothing,
 * nor do those of a place that is not held any more. Twin of `machine.lua`; both pass one suite.
 */
export function step(
  before: BreakerState | undefined,
  known: BreakerState | undefined,
  numbers: Numbers,
  { hand, reports = [], asks = [] }: Call,
  clock: Micros,
): Step {
  const stored = later(before, known)
  const rebased = stored === undefined ? firstState(clock) : setBack(stored, clock)
  let state = isForgotten(rebased, known) ? broughtBack(rebased, setBack(known, clock)) : rebased
  if (hand !== undefined) state = byHand(state, hand, clock)
  else if (isOver(state, numbers, clock)) state = moved(state, 'half_open', 'time', clock)
  for (const report of reports) state = reported(state, numbers, report, clock)
  const admissions: Admission[] = []
  for (const life of asks) {
    const asked = admitted(state, numbers, life, clock)
    state = asked.state
    admissions.push(asked.admission)
  }
  const isChanged = state !== before || clock - state.seen >= renewAfter
  return {
    state: isChanged ? { ...state, seen: clock } : state,
    from: state.generation === rebased.generation ? undefined : rebased.name,
    isChanged,
    admissions,
  }
}

function firstState(clock: Micros): BreakerState {
  const none = { hold: undefined, last: 0, successes: 0, places: [], note: undefined, ring: '' }
  return { name: 'closed', generation: clock, since: clock, seen: clock, cause: 'new', ...none }
}

/** The replica's own memory is of a later generation where a store lost some, or all. */
function later(before: BreakerState | undefined, known: BreakerState | undefined): BreakerState | undefined {
  if (known === undefined) return before
  return before === undefined || before.generation < known.generation ? known : before
}

/** A store that lost all was asked by a replica that knew nothing before one came that knows. */
function isForgotten(state: BreakerState, known: BreakerState | undefined): known is BreakerState {
  if (known === undefined || known.name === 'closed') return false
  return state.cause === 'new' && known.generation < state.generation
}

function broughtBack({ generation }: BreakerState, known: BreakerState): BreakerState {
  return { ...known, generation: generation + 1 }
}

/** The state by a clock that was set back since it was written: what it waits for is as far away as it was then. */
function setBack(state: BreakerState, clock: Micros): BreakerState {
  const by = state.seen - clock
  if (by <= 0) return state
  return {
    ...state,
    since: state.since - by,
    seen: clock,
    hold: typeof state.hold === 'number' ? state.hold - by : state.hold,
    places: state.places.map(({ id, until }) => ({ id, until: until - by })),
  }
}

function moved(
  { generation, last }: BreakerState,
  name: BreakerState['name'],
  cause: BreakerState['cause'],
  clock: Micros,
): BreakerState {
  return {
    ...{ name, cause, since: clock, seen: clock, last },
    generation: Math.max(generation + 1, clock),
    ...{ hold: undefined, successes: 0, places: [], note: undefined, ring: '' },
  }
}

function isOver(state: BreakerState, { open }: Numbers, clock: Micros): boolean {
  return state.name === 'open' && clock >= (halfOpenAt(state, open) ?? Number.POSITIVE_INFINITY)
}

function byHand(state: BreakerState, hand: Hand, clock: Micros): BreakerState {
  const { note } = hand
  if (hand.to === 'open') {
    const hold = hand.for === undefined ? 'hand' : clock + hand.for
    return { ...moved(state, 'open', 'hand', clock), hold, note }
  }
  return state.name === 'closed' ? state : { ...moved(state, 'closed', 'hand', clock), note }
}

function reported(state: BreakerState, numbers: Numbers, report: Report, clock: Micros): BreakerState {
  if (report.generation !== state.generation) return state
  if (state.name === 'closed' && report.place === undefined)
    return counted(state, numbers, report.outcomes, clock)
  if (state.name !== 'half_open') return state
  return probed(state, numbers, report, clock)
}

/** Each outcome is looked at by itself: those after the one that opens it are of an older generation by then. */
function counted(state: BreakerState, numbers: Numbers, outcomes: string, clock: Micros): BreakerState {
  const { window, errorRate } = numbers
  const heard = outcomes.replaceAll('a', '')
  if (heard === '') return state
  const kept = state.ring.slice(-window)
  const all = kept + heard
  let failures = failuresIn(kept)
  for (let index = kept.length; index < all.length; index++) {
    if (all[index] === '1') failures++
    if (index >= window && all[index - window] === '1') failures--
    if (index >= window - 1 && failures * 100 > errorRate * window)
      return moved(state, 'open', 'outcomes', clock)
  }
  return { ...state, ring: all.slice(-window) }
}

function probed(state: BreakerState, numbers: Numbers, report: Report, clock: Micros): BreakerState {
  const { place: id, outcomes } = report
  const places = state.places.filter((place) => place.id !== id)
  if (places.length === state.places.length) return state
  if (outcomes === '1') return moved(state, 'open', 'probe_failed', clock)
  if (outcomes !== '0') return { ...state, places }
  const successes = state.successes + 1
  if (successes >= numbers.probes) return moved(state, 'closed', 'probes_succeeded', clock)
  return { ...state, places, successes }
}

/** A place whose time is over stays its probe's until another request wants it. */
function admitted(
  state: BreakerState,
  { probes }: Numbers,
  life: Micros,
  clock: Micros,
): { state: BreakerState; admission: Admission } {
  if (state.name === 'closed') return { state, admission: 'closed' }
  if (state.name === 'open') return { state, admission: 'refused' }
  const places = [...state.places].sort((one, other) => one.until - other.until || one.id - other.id)
  while (places.length >= probes && places.length > 0 && places[0]!.until <= clock) places.shift()
  if (places.length >= probes) return { state, admission: 'refused' }
  const id = Math.max(state.last + 1, clock)
  const given = [...places, { id, until: clock + life }]
  return { state: { ...state, last: id, places: given }, admission: id }
}
