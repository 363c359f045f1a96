import type { Fraction } from './fraction.ts'

interface Clocked {
  /** Microseconds of one tick: the clock is rounded down to it, once. */
  readonly unit: bigint
}

export interface WindowRule extends Clocked {
  readonly algorithm: 'fixed_window' | 'sliding_window'
  readonly limit: bigint
  /** Microseconds. */
  readonly window: bigint
}

export interface TokenBucketRule extends Clocked {
  readonly algorithm: 'token_bucket'
  readonly capacity: bigint
  /** `every` in microseconds. */
  readonly refill: { readonly tokens: bigint; readonly every: bigint }
}

export interface LeakyBucketRule extends Clocked {
  readonly algorithm: 'leaky_bucket'
  readonly queue: bigint
  /** `every` in microseconds. */
  readonly rate: { readonly requests: bigint; readonly every: bigint }
}

export type Rule = WindowRule | TokenBucketRule | LeakyBucketRule

/** What a counter has lived through: every admitted cost, and every edit that kept its algorithm and window. */
export type Event<R extends Rule> =
  | { readonly at: bigint; readonly cost: bigint; readonly rule: R }
  | { readonly at: bigint; readonly before: R; readonly after: R }

/**
 * The rule of one algorithm over the whole list of what a counter admitted. All times in microseconds, all on the
 * clock rounded down to the unit.
 */
export interface Law<R extends Rule> {
  /** The cost above which nothing is ever admitted. */
  most(rule: R): bigint
  admits(events: readonly Event<R>[], rule: R, cost: bigint, now: bigint): boolean
  /** Microseconds until a refused cost, not above `most`, would be admitted if nothing else came. */
  wait(events: readonly Event<R>[], rule: R, cost: bigint, now: bigint): Fraction
  /** Microseconds for which a request admitted now is held back. */
  delay(events: readonly Event<R>[], rule: R, cost: bigint, now: bigint): Fraction
  /** What a change of algorithm or window carries over. */
  used(events: readonly Event<R>[], rule: R, now: bigint): bigint
  /** Cost that may still come now; may be below 0 and have a part. */
  remaining(events: readonly Event<R>[], rule: R, now: bigint): Fraction
  /** Microseconds until the window ends, the bucket is full, or the next free turn. */
  reset(events: readonly Event<R>[], rule: R, now: bigint): Fraction
  /** Microseconds of the window, or to full. */
  span(rule: R): Fraction
}
