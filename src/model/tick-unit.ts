import { capacityOf } from './capacity.ts'
import type { LimitNumbers } from './limit-rule.ts'

/** Microseconds of a tick, in which an algorithm reads the clock. */
export type TickUnit = 1 | 1_000 | 1_000_000

/** The unit of a policy; or that none keeps its numbers exact, and the largest number that would be. */
export type UnitChoice =
  | { unit: TickUnit }
  | { unit?: undefined; field: 'limit' | 'capacity' | 'queue'; largest: number }

const units: readonly TickUnit[] = [1, 1_000, 1_000_000]

/**
 * The finest unit in which every product and sum of the algorithms is a whole double (below 2^53), at the largest
 * numbers among a policy, its plans and its overrides: the fullest counter, of amount x span, and one more cost that
 * is not above the amount. A unit has to divide every span, since nothing but the clock is ever rounded.
 * `numbers` are at least one, all of one algorithm.
 */
export function tickUnit(numbers: readonly LimitNumbers[]): UnitChoice {
  const spans = numbers.map(spanOf)
  const amount = Math.max(...numbers.map((each) => capacityOf(each).most))
  const span = Math.max(...spans)
  const possible = units.filter((unit) => spans.every((each) => each % unit === 0))
  const unit = possible.find((each) => amount <= largestAmount(span / each))
  if (unit !== undefined) return { unit }
  const { field } = capacityOf(numbers[0]!)
  const largest = largestAmount(span / possible.at(-1)!)
  return { field, largest: field === 'queue' ? largest - 1 : largest }
}

function largestAmount(ticks: number): number {
  return Math.floor(Number.MAX_SAFE_INTEGER / (2 * ticks))
}

/** The microseconds by which the amounts of a counter are multiplied. */
function spanOf(numbers: LimitNumbers): number {
  switch (numbers.algorithm) {
    case 'fixed_window':
      // Counts are added and never multiplied; its windows are in microseconds always.
      return 1
    case 'sliding_window':
      return numbers.windowMs * 1_000
    case 'token_bucket':
      return numbers.refill.everyMs * 1_000
    case 'leaky_bucket':
      return numbers.rate.everyMs * 1_000
  }
}
