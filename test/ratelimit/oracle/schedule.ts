import fc from 'fast-check'
import type { LimitNumbers } from '../../../src/model/limit-rule.ts'
import { tickUnit } from '../../../src/model/tick-unit.ts'
import type { Rule } from './rule.ts'

export type Algorithm = LimitNumbers['algorithm']

/** When the next step comes: after some ticks, or about the instant at which an answer changes. */
export type Gap =
  | { readonly from: 'now'; readonly ticks: number }
  | { readonly from: 'retry' | 'reset' | 'share'; readonly ticks: number }

export interface Step {
  readonly gap: Gap
  /** Microseconds within the tick, as a part of it in thousandths. */
  readonly within: number
  /** Left out: nothing is asked, the rule may still change. */
  readonly cost?: number
  readonly edit?: Edit
}

export interface Edit {
  readonly rule: Rule
  /** Thousandths of the time since the last step at which it came; left out: right after the last request. */
  readonly when?: number
}

export interface Schedule {
  readonly rule: Rule
  /** Microseconds since the epoch. */
  readonly origin: number
  readonly steps: readonly Step[]
}

/** A schedule that begins with the algorithm; edits keep it mostly, and may go to any other. */
export function scheduleOf(algorithm: Algorithm): fc.Arbitrary<Schedule> {
  return fc.record({
    rule: ruleOf(algorithm),
    origin: fc.oneof(fc.integer({ min: 0, max: 10_000_000 }), fc.integer({ min: 1.6e15, max: 1.8e15 })),
    steps: fc.array(stepOf(algorithm), { minLength: 1, maxLength: 24 }),
  })
}

export function ruleOf(algorithm: Algorithm): fc.Arbitrary<Rule> {
  const rules = fc.oneof(
    { weight: 4, arbitrary: numbersOf(algorithm, fc.integer({ min: 0, max: 6 }), spans) },
    { weight: 1, arbitrary: numbersOf(algorithm, large, fc.integer({ min: 1, max: 86_400_000 })) },
  )
  return rules
    .map((numbers) => ({ numbers, choice: tickUnit([numbers]) }))
    .filter(({ choice }) => choice.unit !== undefined)
    .chain(({ numbers, choice: { unit } }) =>
      fc.constantFrom(...coarser(unit!, numbers)).map((each) => inMicros(numbers, each)),
    )
}

const spans = fc.oneof(
  fc.integer({ min: 1, max: 12 }),
  fc.integer({ min: 1, max: 12 }).map((seconds) => seconds * 1_000),
)
const large = fc.oneof(
  fc.integer({ min: 1, max: 100_000 }),
  fc.integer({ min: 1, max: 2 ** 53 - 2 }),
  fc.integer({ min: 1, max: 2 ** 42 }),
)
const rates = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 7 }) },
  fc.integer({ min: 1, max: 5_000 }),
)

function numbersOf(
  algorithm: Algorithm,
  amount: fc.Arbitrary<number>,
  span: fc.Arbitrary<number>,
): fc.Arbitrary<LimitNumbers> {
  switch (algorithm) {
    case 'fixed_window':
    case 'sliding_window':
      return fc.record({ algorithm: fc.constant(algorithm), limit: amount, windowMs: span })
    case 'token_bucket': {
      const refill = fc.record({ tokens: rates, everyMs: span })
      return fc.record({ algorithm: fc.constant(algorithm), capacity: amount, refill })
    }
    case 'leaky_bucket': {
      const rate = fc.record({ requests: rates, everyMs: span })
      return fc.record({ algorithm: fc.constant(algorithm), queue: amount, rate })
    }
  }
}

/** A policy's unit may be coarser than these numbers need: an override may hold larger ones. */
function coarser(unit: number, numbers: LimitNumbers): number[] {
  if (numbers.algorithm === 'fixed_window') return [1]
  const span = 1_000 * spanOf(numbers)
  return [1, 1_000, 1_000_000].filter((each) => each >= unit && span % each === 0)
}

function spanOf(numbers: LimitNumbers): number {
  if ('windowMs' in numbers) return numbers.windowMs
  return 'refill' in numbers ? numbers.refill.everyMs : numbers.rate.everyMs
}

export function inMicros(numbers: LimitNumbers, unit: number): Rule {
  const clocked = { unit: BigInt(unit) }
  const span = 1_000n * BigInt(spanOf(numbers))
  switch (numbers.algorithm) {
    case 'fixed_window':
    case 'sliding_window':
      return { ...clocked, algorithm: numbers.algorithm, limit: BigInt(numbers.limit), window: span }
    case 'token_bucket': {
      const refill = { tokens: BigInt(numbers.refill.tokens), every: span }
      return { ...clocked, algorithm: numbers.algorithm, capacity: BigInt(numbers.capacity), refill }
    }
    case 'leaky_bucket': {
      const rate = { requests: BigInt(numbers.rate.requests), every: span }
      return { ...clocked, algorithm: numbers.algorithm, queue: BigInt(numbers.queue), rate }
    }
  }
}

function stepOf(algorithm: Algorithm): fc.Arbitrary<Step> {
  const cost = fc.oneof(
    { weight: 12, arbitrary: fc.constant(1) },
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 8 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 31 }) },
  )
  const edit = fc.record({
    rule: fc.oneof({ weight: 4, arbitrary: ruleOf(algorithm) }, anyRule),
    when: fc.option(fc.integer({ min: 0, max: 1_000 }), { nil: undefined }),
  })
  const maybeEdit = fc.option(edit, { nil: undefined, freq: 5 })
  return fc.oneof(
    { weight: 10, arbitrary: fc.record({ gap, within, cost }) },
    { weight: 2, arbitrary: fc.record({ gap, within, cost, edit: maybeEdit }) },
    { weight: 1, arbitrary: fc.record({ gap, within, edit }) },
  )
}

const anyRule: fc.Arbitrary<Rule> = fc.oneof(
  ruleOf('fixed_window'),
  ruleOf('sliding_window'),
  ruleOf('token_bucket'),
  ruleOf('leaky_bucket'),
)

const near = fc.integer({ min: -1, max: 1 })
const gap: fc.Arbitrary<Gap> = fc.oneof(
  fc.record({ from: fc.constant('now' as const), ticks: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ from: fc.constantFrom('retry' as const, 'reset' as const, 'share' as const), ticks: near }),
  fc.record({ from: fc.constant('now' as const), ticks: fc.integer({ min: -5_000, max: 20_000 }) }),
)
const within = fc.oneof(fc.constant(0), fc.constant(999), fc.integer({ min: 0, max: 999 }))
