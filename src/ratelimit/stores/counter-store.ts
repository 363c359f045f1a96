import type { OnStoreFailure } from '../../model/limit-rule.ts'
import type { Decision, Micros, Standing } from '../algorithms/algorithm.ts'
import type { BoundRule } from '../algorithms/bound-rule.ts'
import type { CounterId } from '../identity/counter-id.ts'

/** One request's hit on one counter. */
export interface Hit {
  readonly counter: CounterId
  /** The counter that stands in for all others of the policy when the store is full. */
  readonly overflow: CounterId
  /** Whose counter it is: policies share a full store fairly. */
  readonly policy: string
  readonly rule: BoundRule
  /** Whole number, at least 0. */
  readonly cost: number
  /** One that is not enforced is in shadow: judged after the enforced ones, by itself. */
  readonly enforced: boolean
  /** Who decides while the store of the counter is away: without it `local`. */
  readonly onStoreFailure?: OnStoreFailure
  /**
   * Counters of the same key under the policy's earlier algorithms, newest first. Asked only where `counter` is not
   * there: the first that is found is carried over to it, and gone.
   */
  readonly former?: (() => readonly Former[]) | undefined
  /** The key's counter by the rules in force when it is asked, which may be others by then; nothing where none is the key's. */
  readonly latest?: () => Pick<Hit, 'counter' | 'rule' | 'former'> | undefined
}

export interface Former {
  readonly counter: CounterId
  readonly rule: BoundRule
  /** When the algorithm was changed. */
  readonly until: Micros
  /** The rule that took its place then; it may have been edited since. */
  readonly next: BoundRule
}

/** What the counter said, and where it stands afterwards. */
export interface HitOutcome extends Decision, Standing {
  /** The store of the counter is away, and this decided. */
  readonly fallback?: Fallback
}

/** What decides in the place of a store. */
export interface Fallback {
  readonly word: OnStoreFailure
  /** Why the store does not decide, as a clause. */
  readonly why: string
  /** Whose share is counted by `local`; nothing where this replica has none. */
  readonly place: { readonly replicas: number; readonly rank: number } | undefined
}

export interface Taken {
  /** Whether every enforced hit was admitted; only then anything was taken. */
  admitted: boolean
  /** One outcome a hit, in order; that of a hit in shadow says what it would decide by itself. */
  outcomes: HitOutcome[]
}

/** What is known of one counter. */
export interface CounterView extends Standing {
  /** Cost in use: rounded up, beyond the limit where that was lowered. */
  used: number
}

/** A store that needs no waiting answers at once, without a promise. */
export type Answer<T> = T | Promise<T>

/**
 * Where counters live. `take` is one atomic step over all hits of a request: those that are enforced are all taken or
 * none; then each in shadow is taken if all of them were and it would be admitted itself.
 */
export interface CounterStore {
  take(hits: readonly Hit[]): Answer<Taken>
  /** What `take` would answer, with nothing taken and nothing kept. Outcomes stand as before the request. */
  look(hits: readonly Hit[]): Answer<Taken>
  /**
   * A counter of the policy as it is now, or as it would be carried over from a `former` one; nothing where it is idle, or
   * another policy's. Changes nothing.
   */
  peek(
    policy: string,
    counter: CounterId,
    rule: BoundRule,
    former?: readonly Former[],
  ): Answer<CounterView | undefined>
  /** Forgets a counter of the policy: it is idle again. Whether there was one. */
  reset(policy: string, counter: CounterId, rule: BoundRule): Answer<boolean>
  /** Gives back up to `amount` of what a counter of the policy has in use. Whether there was one. */
  grant(
    policy: string,
    counter: CounterId,
    rule: BoundRule,
    amount: number,
    former?: readonly Former[],
  ): Answer<boolean>
  /**
   * The rules of a policy were edited: counters that were not used since stay for so long at least, since their usage may
   * fall more slowly than when they were used.
   */
  keep(policy: string, span: Micros): void
  /** Counters held now. */
  size(): number
}
