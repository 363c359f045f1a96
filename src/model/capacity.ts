import type { LimitNumbers } from './limit-rule.ts'

/** What ever fits at once, in cost, and the number that says it: the limit, the capacity, or the queue and one. */
export function capacityOf(numbers: LimitNumbers): { field: 'limit' | 'capacity' | 'queue'; most: number } {
  switch (numbers.algorithm) {
    case 'fixed_window':
    case 'sliding_window':
      return { field: 'limit', most: numbers.limit }
    case 'token_bucket':
      return { field: 'capacity', most: numbers.capacity }
    case 'leaky_bucket':
      return { field: 'queue', most: numbers.queue + 1 }
  }
}
