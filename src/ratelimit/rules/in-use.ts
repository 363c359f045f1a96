import { capacityOf } from '../../model/capacity.ts'
import type { LimitNumbers } from '../../model/limit-rule.ts'
import type { Micros } from '../algorithms/algorithm.ts'

/** How much the counters of a policy may have in use from before an edit, and for how long at most. */
export interface InUse {
  /** Cost of a window or a bucket. */
  readonly amount: number
  /** Milliseconds of a queue. */
  readonly waitMs: number
  readonly until: Micros
}

/** All numbers of a rule, with what those before them had left in use. */
export interface Using {
  readonly numbers: readonly LimitNumbers[]
  readonly left: InUse
}

/**
 * What an edit to these numbers leaves in use: as much as fitted under those that it replaces, and what they had left from
 * before. Where nothing is known of any, as much as fits now.
 */
export function leftInUse(numbers: readonly LimitNumbers[], before: Using | undefined, now: Micros): InUse {
  const replaced = before?.numbers ?? numbers
  const left = before !== undefined && before.left.until > now ? before.left : { amount: 0, waitMs: 0 }
  const amount = Math.max(left.amount, ...replaced.map((each) => capacityOf(each).most))
  const waitMs = Math.max(left.waitMs, ...replaced.map(longestWaitMs))
  const longest = Math.max(...numbers.map((each) => timeFor(each, amount, waitMs)))
  return { amount, waitMs, until: now + longest }
}

/**
 * Whether usage may fall more slowly by these numbers than by those that they replace, whichever of them a key had: then
 * counters of before may be in use for longer than their last use said.
 */
export function isSlower(numbers: readonly LimitNumbers[], replaced: readonly LimitNumbers[]): boolean {
  const [one] = replaced
  if (numbers.some(({ algorithm }) => algorithm !== one?.algorithm)) return true
  return Math.max(...numbers.map(slowness)) > Math.min(...replaced.map(slowness))
}

/** Grows with the time for which the same usage stays. An edit keeps the waits of a queue. */
function slowness(numbers: LimitNumbers): number {
  switch (numbers.algorithm) {
    case 'fixed_window':
    case 'sliding_window':
      return numbers.windowMs
    case 'token_bucket':
      return numbers.refill.everyMs / numbers.refill.tokens
    case 'leaky_bucket':
      return 0
  }
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
      return 1_000 * Math.max(waitMs, Math.ceil((amount * numbers.rate.everyMs) / numbers.rate.requests))
  }
}
