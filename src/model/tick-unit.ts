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
  const sizes = numbers.map(sizeOf)
  const amount = Math.max(...sizes.map((size) => size.amount))
  const span = Math.max(...sizes.map((size) => size.span))
  const possible = units.filter((unit) => sizes.every((size) => size.span % unit === 0))
  const unit = possible.find((each) => amount <= largestAmount(span / each))
  if (unit !== undefined) return { unit }
  const { field } = sizes[0]!
  const largest = largestAmount(span / possible.at(-1)!)
  return { field, largest: field === 'queue' ? largest - 1 : largest }
}

function largestAmount(ticks: number): number {
  return Math.floor(Number.MAX_SAFE_INTEGER / (2 * ticks))
}

/** What is multiplied: the amount that a counter holds, and the microseconds it is multiplied by (0: not at all). */
function sizeOf(numbers: LimitNumbers): {
  field: 'limit' | 'capacity' | 'queue'
  amount: number
  span: number
} {
  switch (numbers.algorithm) {
    case 'fixed_window':
      // Counts are added and never multiplied; its windows are in microseconds always.
      return { field: 'limit', amount: numbers.limit, span: 1 }
    case 'sliding_window':
      return { field: 'limit', amount: numbers.limit, span: numbers.windowMs * 1_000 }
    case 'token_bucket':
      return { field: 'capacity', amount: numbers.capacity, span: numbers.refill.everyMs * 1_000 }
    case 'leaky_bucket':
      return { field: 'queue', amount: numbers.queue + 1, span: numbers.rate.everyMs * 1_000 }
  }
}
