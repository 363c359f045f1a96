/** Whole microseconds since the Unix epoch, by the clock of the store. */
export type Micros = number

export type StateName = 'closed' | 'open' | 'half_open'

/** Why a state came to be: the first one of a cluster, by outcomes, by its time, by probes, or by hand. */
export type Cause = 'new' | 'outcomes' | 'time' | 'probe_failed' | 'probes_succeeded' | 'hand'

/** The right to send one probe, until its report comes or its time to live is over and another one wants it. */
export interface Place {
  /** Never given twice. */
  readonly id: number
  readonly until: Micros
}

/**
 * The breaker of one cluster, as all replicas share it. Between transitions nothing of it but the ring, the places and the
 * successes changes.
 */
export interface BreakerState {
  readonly name: StateName
  /** Of the time since the last transition. Grows with each, and is never used again. */
  readonly generation: number
  readonly since: Micros
  /** When it was written last: a clock that reads less was set back. */
  readonly seen: Micros
  /** While it is open: by hand, until it is closed by hand or until that time. */
  readonly hold: 'hand' | Micros | undefined
  /** The id of the place that was given last. */
  readonly last: number
  /** While it is half-open. */
  readonly successes: number
  readonly places: readonly Place[]
  readonly cause: Cause
  /** Of a transition by hand: who, and why. */
  readonly note: Note | undefined
  /** While it is closed: the last outcomes, oldest first, `1` for each that failed. */
  readonly ring: string
}

export interface Note {
  readonly author: string
  readonly message: string
}

/** How many of the outcomes failed. */
export function failuresIn(ring: string): number {
  let failures = 0
  for (let index = 0; index < ring.length; index++) if (ring.charCodeAt(index) === 49) failures++
  return failures
}

/** When an open breaker becomes half-open; nothing where that is done by hand. */
export function halfOpenAt(state: Pick<BreakerState, 'since' | 'hold'>, open: Micros): Micros | undefined {
  if (state.hold === 'hand') return undefined
  return state.hold ?? state.since + open
}
