import type { LimitNumbers } from '../../model/limit-rule.ts'
import { type TickUnit, tickUnit } from '../../model/tick-unit.ts'
import type { Algorithm, Decision, Micros, Quota, Replacing, Standing, Timed } from './algorithm.ts'
import { type FixedWindowRule, fixedWindow } from './fixed_window/step.ts'
import { type LeakyBucketRule, leakyBucket } from './leaky_bucket/step.ts'
import { type SlidingWindowRule, slidingWindow } from './sliding_window/step.ts'
import { type TokenBucketRule, tokenBucket } from './token_bucket/step.ts'

export type AlgorithmName = LimitNumbers['algorithm']

export const algorithmNames: readonly AlgorithmName[] = [
  'fixed_window',
  'sliding_window',
  'token_bucket',
  'leaky_bucket',
]

/** An algorithm with its rule bound, so that a store needs to know neither. Times are microseconds. */
export interface BoundRule {
  readonly algorithm: AlgorithmName
  /** Microseconds of a tick. */
  readonly unit: TickUnit
  readonly quota: Quota
  /** The rule in the algorithm's own terms. */
  readonly rule: object
  /** As the scripts of a store read it: its numbers, how many edits it remembers, and of each its time and the numbers before. */
  readonly list: () => readonly number[]
  /** Rules before it that are remembered, for counters that have not been looked at since. */
  readonly edits: number
  readonly at: (state: unknown, now: Micros) => unknown
  readonly step: (state: unknown, cost: number, now: Micros) => { state: unknown; decision: Decision }
  readonly standing: (state: unknown, now: Micros) => Standing
  readonly expiresAt: (state: unknown) => Micros
  readonly used: (state: unknown) => number
  readonly fromUsed: (used: number, now: Micros) => unknown
  readonly giveBack: (state: unknown, amount: number) => unknown
  readonly pack: (state: unknown, numbers: Float64Array, offset: number) => void
  readonly unpack: (numbers: Float64Array, offset: number) => unknown
}

export interface BindOptions {
  /** The policy's unit, chosen at the largest of its numbers, plans and overrides; else that of these numbers. */
  unit?: TickUnit
  /** The rule that this one replaced, and when. One of another algorithm is a matter of `carryOver`. */
  replaced?: { bound: BoundRule; at: Micros }
}

/** A counter that is not looked at for more edits than these takes the oldest as made right after its last request. */
export const mostEdits = 8

/** The algorithm of a rule, with the rule in its terms. Numbers that no unit keeps exact are refused on write. */
export function bindRule(numbers: LimitNumbers, { unit, replaced }: BindOptions = {}): BoundRule {
  const ticks = unit ?? tickUnit([numbers]).unit
  if (ticks === undefined) throw new Error(`no unit of time keeps this ${numbers.algorithm} exact`)
  const before = replaced?.bound.algorithm === numbers.algorithm ? replaced : undefined
  switch (numbers.algorithm) {
    case 'fixed_window': {
      const rule: FixedWindowRule = { limit: numbers.limit, window: numbers.windowMs * 1_000 }
      return bind(numbers.algorithm, fixedWindow, rule, 1, before)
    }
    case 'sliding_window': {
      const rule: SlidingWindowRule = { limit: numbers.limit, window: numbers.windowMs * 1_000, unit: ticks }
      return bind(numbers.algorithm, slidingWindow, rule, ticks, before)
    }
    case 'token_bucket': {
      const { tokens, everyMs } = numbers.refill
      const rule: TokenBucketRule = {
        capacity: numbers.capacity,
        tokens,
        every: everyMs * 1_000,
        unit: ticks,
      }
      return bind(numbers.algorithm, tokenBucket, rule, ticks, before)
    }
    case 'leaky_bucket': {
      const { requests, everyMs } = numbers.rate
      const rule: LeakyBucketRule = { queue: numbers.queue, requests, every: everyMs * 1_000, unit: ticks }
      return bind(numbers.algorithm, leakyBucket, rule, ticks, before)
    }
  }
}

function bind<Rule extends Replacing<Rule>, State extends Timed>(
  name: AlgorithmName,
  algorithm: Algorithm<Rule, State>,
  numbers: Rule,
  unit: TickUnit,
  replaced: BindOptions['replaced'],
): BoundRule {
  const rule = replaced === undefined ? numbers : { ...numbers, replaced: edit(replaced, unit) }
  return {
    algorithm: name,
    unit,
    quota: algorithm.quota(rule),
    rule,
    list: () => listOf(algorithm, rule),
    edits: replaced === undefined ? 0 : Math.min(mostEdits, replaced.bound.edits + 1),
    at: (state, now) => algorithm.at(state as State | undefined, rule, now),
    step: (state, cost, now) => algorithm.step(state as State | undefined, rule, cost, now),
    standing: (state, now) => algorithm.standing(state as State | undefined, rule, now),
    expiresAt: (state) => algorithm.expiresAt(state as State, rule),
    used: (state) => algorithm.used(state as State, rule),
    fromUsed: (used, now) => algorithm.fromUsed(used, rule, now),
    giveBack: (state, amount) => algorithm.giveBack(state as State, rule, amount),
    pack: (state, numbers, offset) => algorithm.pack(state as State, numbers, offset),
    unpack: algorithm.unpack,
  }
}

function listOf<Rule extends Replacing<Rule>, State extends Timed>(
  algorithm: Algorithm<Rule, State>,
  rule: Rule,
): number[] {
  const edits: number[] = []
  let count = 0
  for (let { replaced } = rule; replaced !== undefined; { replaced } = replaced.rule) {
    edits.push(replaced.at, ...algorithm.numbers(replaced.rule))
    count++
  }
  return [...algorithm.numbers(rule), count, ...edits]
}

/** An edit takes effect at its tick: one later than that would be applied again to what this rule admits in the tick. */
function edit<Rule extends Replacing<Rule>>(
  { bound, at }: NonNullable<BindOptions['replaced']>,
  unit: TickUnit,
): NonNullable<Rule['replaced']> {
  return { rule: remembered(bound.rule as Rule, mostEdits - 1), at: at - (at % unit) }
}

/** The rule with at most `edits` of those before it, so that edits without end cost no memory without end. */
function remembered<Rule extends Replacing<Rule>>(rule: Rule, edits: number): Rule {
  const { replaced, ...numbers } = rule
  if (replaced === undefined) return rule
  if (edits === 0) return numbers as unknown as Rule
  return { ...rule, replaced: { ...replaced, rule: remembered(replaced.rule, edits - 1) } }
}

/** A counter's state under one rule, as a state under another that replaces it `now`. */
export function carryOver(state: unknown, from: BoundRule, to: BoundRule, now: Micros): unknown {
  const old = from.at(state, now)
  if (from.algorithm === to.algorithm) return to.at(old, now)
  return to.fromUsed(from.used(old), Math.max(now, (old as Timed).at))
}
