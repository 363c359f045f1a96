/** Time inside the algorithms: whole microseconds since the Unix epoch. */
export type Micros = number

/** What one counter says to one request. */
export interface Decision {
  admitted: boolean
  /**
   * Microseconds until the earliest tick at which this cost would be admitted if nothing else came; null if it never
   * would. 0 if admitted.
   */
  retryAfter: Micros | null
  /** Microseconds, rounded up, that an admitted request waits for its turn: 0 in all but leaky buckets. */
  delay: Micros
}

/** What a client may be told of a counter. */
export interface Standing {
  /** Cost that is still admitted now, at least 0. */
  remaining: number
  /** Microseconds until the window ends, the bucket is full or its queue is empty. */
  resetAfter: Micros
}

/** What the client is told of a rule: its quota, and the seconds of its window or until all is back, rounded up. */
export interface Quota {
  quota: number
  windowSeconds: number
}

/**
 * A rule that may have replaced another. Counters are not touched by an edit: each is carried over when it is next
 * looked at, as though that had been done at the time of the edit, whether or not the look is written back.
 */
export interface Replacing<Rule> {
  /** The rule in force before, up to this time, a tick of the new rule. Without it an edit counts as made right after the last request. */
  replaced?: { rule: Rule; at: Micros }
}

/** What every state has: the largest time seen, so that a clock that goes back is harmless. */
export interface Timed {
  at: Micros
}

/**
 * One algorithm: pure functions of a counter's state, a rule and the time. States are plain values, numbers are
 * integers, and nothing here reads a clock. Beside its numbers a state carries only the scale that these are written
 * in, so that any rule can read it: the rule that made it, its successor, and that of another plan.
 * `cases.ts` beside it is the table that every implementation passes.
 */
export interface Algorithm<Rule, State extends Timed> {
  /** The state in the rule's own terms, brought to the time; that of an idle counter where there is none. */
  at(state: State | undefined, rule: Rule, now: Micros): State
  /** The state after the request, unchanged in its usage where the request is denied. */
  step(state: State | undefined, rule: Rule, cost: number, now: Micros): { state: State; decision: Decision }
  /** What the state says to a client, without taking anything. */
  standing(state: State | undefined, rule: Rule, now: Micros): Standing
  /** When the state says no more than no state at all, by this rule. */
  expiresAt(state: State, rule: Rule): Micros
  quota(rule: Rule): Quota
  /** The rule's numbers without its edits, in the order in which `step.lua` reads them. */
  numbers(rule: Rule): readonly number[]
  /** Cost that the state, brought to its time by `at`, has in use: rounded up, beyond the limit where that was lowered. */
  used(state: State, rule: Rule): number
  /** A state with as much in use. */
  fromUsed(used: number, rule: Rule, now: Micros): State
  /**
   * A state, brought to its time by `at`, of which up to `amount` of cost is given back: never more than that, and
   * never more than is in use.
   */
  giveBack(state: State, rule: Rule, amount: number): State
  /** Writes the state into a row of `rowNumbers` numbers from `offset` on, `at` first. */
  pack(state: State, numbers: Float64Array, offset: number): void
  unpack(numbers: Float64Array, offset: number): State
}

/** Numbers that hold any algorithm's state. */
export const rowNumbers = 4

export const admitted: Decision = { admitted: true, retryAfter: 0, delay: 0 }

export function denied(retryAfter: Micros | null): Decision {
  return { admitted: false, retryAfter, delay: 0 }
}

/** The state as the rule's predecessors left it at the time of the edit, where it is older than that. */
export function throughEdits<Rule extends Replacing<Rule>, State extends Timed>(
  state: State,
  { replaced }: Rule,
  at: (state: State, rule: Rule, now: Micros) => State,
): State {
  return replaced === undefined || state.at >= replaced.at ? state : at(state, replaced.rule, replaced.at)
}

/**
 * The clock, and not before the rule came into force: a clock behind that of the edit would else date what this rule
 * admits to its predecessor's time.
 */
export function inForce<Rule extends Replacing<Rule>>(clock: Micros, { replaced }: Rule): Micros {
  return replaced === undefined ? clock : Math.max(clock, replaced.at)
}

/** Seconds, rounded up, of what may be longer than any window: an integer field holds 15 digits (RFC 9651, 3.3.1). */
export function fieldSeconds(seconds: number): number {
  return Math.min(seconds, 999_999_999_999_999)
}
