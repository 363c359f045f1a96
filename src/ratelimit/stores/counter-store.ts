import type { Decision, Standing } from '../algorithms/algorithm.ts'
import type { BoundRule } from '../algorithms/bound-rule.ts'

/** One request's hit on one counter. */
export interface Hit {
  /** Identity of the counter: policy, algorithm and key values (`counter-key.ts`). */
  readonly counter: string
  /** Identity of the counter that stands in for all others of the policy when the store is full. */
  readonly overflow: string
  /** Whose counter it is: policies share a full store fairly. */
  readonly policy: string
  readonly rule: BoundRule
  /** Whole number, at least 0. */
  readonly cost: number
}

export interface HitOutcome extends Decision, Standing {}

export interface Taken {
  /** Whether every hit was admitted; only then anything was taken. */
  admitted: boolean
  /** One outcome a hit, in order, with each counter's standing afterwards. */
  outcomes: HitOutcome[]
}

/**
 * Where counters live. `take` is one atomic step over all hits of a request: all are taken or none.
 * A store that needs no waiting answers at once, without a promise.
 */
export interface CounterStore {
  take(hits: readonly Hit[]): Taken | Promise<Taken>
  /** Counters held now. */
  size(): number
}
