import { equalJson } from '../../model/equal.ts'
import type { LimitNumbers, LimitOverride, LimitRule } from '../../model/limit-rule.ts'
import { type TickUnit, tickUnit } from '../../model/tick-unit.ts'
import type { Micros } from '../algorithms/algorithm.ts'
import { type BoundRule, bindRule } from '../algorithms/bound-rule.ts'
import type { CounterId } from '../identity/counter-id.ts'
import { counterFamily, type Family, overflowId } from '../identity/counter-identity.ts'
import type { SipKey } from '../identity/sip-hash.ts'
import type { RequestValues } from '../request/request-values.ts'
import { type OverrideIndex, overrideIndex } from './override-index.ts'

/** Numbers that are in force for some requests of a policy, and where they come from. */
export interface NumbersInForce {
  readonly numbers: LimitNumbers
  readonly bound: BoundRule
  readonly from: 'policy' | `plan ${string}` | `override ${number}`
  /** The plan of requests that these are for, where a plan says so. */
  readonly plan?: string
}

/** A rule with all that follows from it once. */
export interface RuleInForce {
  readonly rule: LimitRule
  readonly family: Family
  readonly overflow: CounterId
  /** The numbers for a request: those of an override, else of its plan, else the policy's own. */
  numbersFor(values: RequestValues): NumbersInForce
  readonly own: NumbersInForce
  /** Every set of numbers, by what they are for. */
  readonly all: ReadonlyMap<string, NumbersInForce>
  /** The rule with another algorithm and the same key that was in force before. */
  readonly former?: FormerRule
}

export interface FormerRule {
  readonly rule: RuleInForce
  readonly until: Micros
  /** The rule that took its place then; it may have been edited since. */
  readonly next: Pick<RuleInForce, 'numbersFor'>
}

/** How many changes of the algorithm a counter that was not used meanwhile is carried over. */
const mostFormer = 3

/**
 * Puts a rule in force `now`, in the place of `before`. Numbers that did not change stay the very same; others know
 * which they replace and when, so that usage falls as it did until then.
 */
export function putInForce(
  rule: LimitRule,
  key: SipKey,
  before: RuleInForce | undefined,
  now: Micros,
): RuleInForce {
  const family = counterFamily(rule)
  const unit = unitOf(rule)
  const known = before?.family.equals(family) ? before : undefined
  const bind = (id: string, numbers: LimitNumbers, from: NumbersInForce['from']): NumbersInForce => {
    const old = known?.all.get(id) ?? known?.own
    if (old !== undefined && old.bound.unit === unit && equalJson(old.numbers, numbers))
      return { ...old, from }
    const replaced = old === undefined ? undefined : { bound: old.bound, at: now }
    return { numbers, bound: bindRule(numbers, { unit, ...(replaced && { replaced }) }), from }
  }
  const own = bind('', rule.numbers, 'policy')
  const plans = new Map(
    [...rule.plans].map(([plan, numbers]) => [
      plan,
      { ...bind(`plan ${plan}`, numbers, `plan ${plan}`), plan },
    ]),
  )
  const overrides = rule.overrides.map((override, index) => {
    const item = bind(idOf(override), override.numbers, `override ${index}`)
    return { override, item }
  })
  const numbersFor = choose(own, plans, overrideIndex(overrides))
  const former = formerOf(rule, before, { numbersFor }, now)
  return {
    rule,
    family,
    overflow: overflowId(key, family),
    numbersFor,
    own,
    all: new Map([
      ['', own],
      ...[...plans].map(([plan, numbers]) => [`plan ${plan}`, numbers] as const),
      ...overrides.map(({ override, item }) => [idOf(override), item] as const),
    ]),
    ...(former && { former }),
  }
}

/** Longest time after which a counter that may have `amount` in use is idle under any of the rule's numbers. */
export function longestUse({ all }: RuleInForce, before: RuleInForce | undefined): Micros {
  const every = [...all.values(), ...(before?.all.values() ?? [])].map(({ numbers }) => numbers)
  const most = Math.max(...every.map(amountOf))
  return Math.max(...every.map((numbers) => timeFor(most, numbers)))
}

function choose(
  own: NumbersInForce,
  plans: ReadonlyMap<string, NumbersInForce>,
  overrides: OverrideIndex<NumbersInForce>,
): RuleInForce['numbersFor'] {
  return (values) => {
    const override = overrides.find(values)
    if (override !== undefined || plans.size === 0) return override ?? own
    const plan = values.of({ kind: 'plan' })
    return (plan === undefined ? undefined : plans.get(plan)) ?? own
  }
}

function unitOf(rule: LimitRule): TickUnit {
  const numbers = [
    rule.numbers,
    ...rule.plans.values(),
    ...rule.overrides.map((override) => override.numbers),
  ]
  const { unit } = tickUnit(numbers)
  if (unit === undefined) throw new Error(`no unit of time keeps ${rule.policy} exact`)
  return unit
}

function idOf({ part, value }: LimitOverride): string {
  return JSON.stringify([part, value])
}

function formerOf(
  rule: LimitRule,
  before: RuleInForce | undefined,
  next: FormerRule['next'],
  now: Micros,
): FormerRule | undefined {
  if (before === undefined || !equalJson(before.rule.key, rule.key)) return undefined
  if (before.rule.numbers.algorithm === rule.numbers.algorithm) return before.former
  return { rule: bounded(before, mostFormer - 1), until: now, next }
}

function bounded(rule: RuleInForce, most: number): RuleInForce {
  const { former, ...own } = rule
  if (former === undefined || most === 0) return own
  return { ...own, former: { ...former, rule: bounded(former.rule, most - 1) } }
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

function timeFor(amount: number, numbers: LimitNumbers): Micros {
  switch (numbers.algorithm) {
    case 'fixed_window':
    case 'sliding_window':
      return 2_000 * numbers.windowMs
    case 'token_bucket':
      return Math.ceil((amount / numbers.refill.tokens) * numbers.refill.everyMs * 1_000)
    case 'leaky_bucket':
      return Math.ceil((amount / numbers.rate.requests) * numbers.rate.everyMs * 1_000)
  }
}
