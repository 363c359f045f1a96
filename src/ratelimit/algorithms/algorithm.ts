/** Time inside the algorithms: whole microseconds since the Unix epoch. */
export type Micros = number

/** What one counter says to one request. */
export interface Decision {
  admitted: boolean
  /** Microseconds until this cost would be admitted if nothing else came; null if it never would. 0 if admitted. */
  retryAfter: Micros | null
}

/** What a client may be told of a counter. */
export interface Standing {
  /** Cost that is still admitted now, at least 0. */
  remaining: number
  /** Microseconds until the window ends, or the whole quota is back. */
  resetAfter: Micros
}

/**
 * One algorithm: pure functions of a counter's state, a rule and the time. States are plain values, numbers are
 * integers, and nothing here reads a clock. `cases.ts` beside it is the table that every implementation passes.
 */
export interface Algorithm<Rule, State> {
  /** The state after the request, unchanged in its usage where the request is denied. */
  step(state: State | undefined, rule: Rule, cost: number, now: Micros): { state: State; decision: Decision }
  /** What the state says to a client, without taking anything. */
  standing(state: State | undefined, rule: Rule, now: Micros): Standing
  /** When the state says no more than no state at all. */
  expiresAt(state: State): Micros
  /** What the client is told of the rule: its quota and the seconds of its window, rounded up. */
  quota(rule: Rule): { quota: number; windowSeconds: number }
}
