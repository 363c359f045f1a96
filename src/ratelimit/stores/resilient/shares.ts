import type { LimitNumbers } from '../../../model/limit-rule.ts'
import { type TickUnit, tickUnit } from '../../../model/tick-unit.ts'
import { type BoundRule, bindRule } from '../../algorithms/bound-rule.ts'
import type { FixedWindowRule } from '../../algorithms/fixed_window/step.ts'
import type { LeakyBucketRule } from '../../algorithms/leaky_bucket/step.ts'
import type { TokenBucketRule } from '../../algorithms/token_bucket/step.ts'

/** Where a replica stands among those of a record: `rank` counts from 0, by id. */
export interface Place {
  readonly replicas: number
  readonly rank: number
}

/** A replica's part of a limit: all parts together are the limit. Nothing for one that is in no record. */
export function shareOf(limit: number, place: Place | undefined): number {
  if (place === undefined) return 0
  const { replicas, rank } = place
  return Math.floor(limit / replicas) + (rank < limit % replicas ? 1 : 0)
}

const known = new WeakMap<BoundRule, { replicas: number; rank: number; rule: BoundRule }>()

/**
 * The rule by which a replica counts its share alone. What flows back flows back to all replicas together as it would to
 * one counter: the same amount in `replicas` times the span, which keeps it whole.
 */
export function sharedRule(rule: BoundRule, place: Place | undefined): BoundRule {
  const { replicas, rank } = place ?? { replicas: 1, rank: -1 }
  const before = known.get(rule)
  if (before !== undefined && before.replicas === replicas && before.rank === rank) return before.rule
  const shared = bound(rule, place)
  known.set(rule, { replicas, rank, rule: shared })
  return shared
}

/** The whole limit, of which as much flows back as of the share: for what may be more than that, since it is of before an edit. */
export function slowedRule(rule: BoundRule, place: Place | undefined): BoundRule {
  const numbers = sharedNumbers(numbersOf(rule), place, (limit) => limit)
  const { unit } = tickUnit([numbers])
  return unit === undefined ? rule : bindRule(numbers, { unit: Math.max(unit, rule.unit) as TickUnit })
}

function bound(rule: BoundRule, place: Place | undefined): BoundRule {
  const numbers = sharedNumbers(numbersOf(rule), place)
  const { unit } = tickUnit([numbers])
  // No unit keeps one token in so long exact: longer than anybody waits for one.
  if (unit === undefined) return bound(rule, undefined)
  return bindRule(numbers, { unit: Math.max(unit, rule.unit) as TickUnit })
}

/** The numbers of a replica's share. */
export function sharedNumbers(
  numbers: LimitNumbers,
  place: Place | undefined,
  part = (limit: number) => shareOf(limit, place),
): LimitNumbers {
  const replicas = place?.replicas ?? 1
  switch (numbers.algorithm) {
    case 'fixed_window':
    case 'sliding_window':
      return { ...numbers, limit: part(numbers.limit) }
    case 'token_bucket': {
      const { tokens, everyMs } = numbers.refill
      const capacity = part(numbers.capacity)
      return { ...numbers, capacity, refill: { tokens, everyMs: everyMs * replicas } }
    }
    case 'leaky_bucket': {
      const { requests, everyMs } = numbers.rate
      const queue = part(numbers.queue + 1) - 1
      return { ...numbers, queue, rate: { requests, everyMs: everyMs * replicas } }
    }
  }
}

function numbersOf({ algorithm, rule }: BoundRule): LimitNumbers {
  switch (algorithm) {
    case 'fixed_window':
    case 'sliding_window': {
      const { limit, window } = rule as FixedWindowRule
      return { algorithm, limit, windowMs: window / 1_000 }
    }
    case 'token_bucket': {
      const { capacity, tokens, every } = rule as TokenBucketRule
      return { algorithm, capacity, refill: { tokens, everyMs: every / 1_000 } }
    }
    case 'leaky_bucket': {
      const { queue, requests, every } = rule as LeakyBucketRule
      return { algorithm, queue, rate: { requests, everyMs: every / 1_000 } }
    }
  }
}

/**
 * What may be admitted of a limit in one window while the store is away: by one replica that is cut off and the others
 * together, by all where all are cut off in the window of the failure, and in each later one.
 */
export function bounds(limit: number, { replicas }: Place) {
  return { oneCutOff: limit + Math.ceil(limit / replicas), allCutOff: 2 * limit, later: limit }
}
