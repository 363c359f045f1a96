import type { LimitNumbers } from '../../model/limit-rule.ts'
import type { Micros } from '../algorithms/algorithm.ts'

/** How much the counters of a policy may have in use by numbers of before, and for how long at most. */
export interface InUse {
  /** Cost of a window or a bucket. */
  readonly amount: number
  /** Milliseconds of a queue. */
  readonly waitMs: number
  readonly until: Micros
}

/** What may be in use under these numbers from now on, with what `before` may have left. */
export function mayBeInUse(all: readonly LimitNumbers[], before: InUse | undefined, now: Micros): InUse {
  const left = before !== undefined && before.until > now ? before : { amount: 0, waitMs: 0 }
  const amount = Math.max(left.amount, ...all.map(amountOf))
  const waitMs = Math.max(left.waitMs, ...all.map(longestWaitMs))
  const longest = Math.max(...all.map((numbers) => timeFor(numbers, amount, waitMs)))
  return { amount, waitMs, until: Math.max(before?.until ?? 0, now + longest) }
}

/** Numbers under which as much fits: a unit that is exact for these is exact for usage that an edit leaves. */
export function holding(numbers: LimitNumbers, { amount, waitMs }: InUse): LimitNumbers {
  switch (numbers.algorithm) {
    case 'fixed_window':
      return numbers
    case 'sliding_window':
      return { ...numbers, limit: Math.max(numbers.limit, amount) }
    case 'token_bucket':
      return { ...numbers, capacity: Math.max(numbers.capacity, amount) }
    case 'leaky_bucket': {
      const turns = Math.ceil((waitMs * numbers.rate.requests) / numbers.rate.everyMs)
      return { ...numbers, queue: Math.max(numbers.queue, turns) }
    }
  }
}

function amountOf(numbers: LimitNumbers): number {
  switch (numbers.algorithm) {
    case 'fixed_window':
    case 'sliding_window':
      return numbers.limit
    case 'token_bucket':
      return numbers.capacity
    case 'leaky_bucket':
      return numbers.queue + 1
  }
}

function longestWaitMs(numbers: LimitNumbers): number {
  if (numbers.algorithm !== 'leaky_bucket') return 0
  return Math.ceil(((numbers.queue + 1) * numbers.rate.everyMs) / numbers.rate.requests)
}

/** Microseconds after which a counter with so much in use is idle. */
function timeFor(numbers: LimitNumbers, amount: number, waitMs: number): Micros {
  switch (numbers.algorithm) {
    case 'fixed_window':
    case 'sliding_window':
      return 2_000 * numbers.windowMs
    case 'token_bucket':
      return Math.ceil((amount / numbers.refill.tokens) * numbers.refill.everyMs * 1_000)
    case 'leaky_bucket':
      return 1_000 * Math.max(waitMs, longestWaitMs(numbers))
  }
}
