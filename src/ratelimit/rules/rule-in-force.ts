import { equalJson } from '../../model/equal.ts'
import type { LimitNumbers, LimitOverride, LimitRule } from '../../model/limit-rule.ts'
import { type TickUnit, tickUnit } from '../../model/tick-unit.ts'
import type { Micros } from '../algorithms/algorithm.ts'
import { type BoundRule, bindRule } from '../algorithms/bound-rule.ts'
import { type CounterId, isSameId } from '../identity/counter-id.ts'
import { counterFamily, keyFamily } from '../identity/counter-identity.ts'
import type { RequestValues } from '../request/request-values.ts'
import { holding, type InUse, leftInUse, type Using } from './in-use.ts'
import { type OverrideIndex, overrideIndex } from './override-index.ts'

/** Numbers that are in force for some requests of a policy, and where they come from. */
export interface NumbersInForce {
  /** What they are for, in words that stay the same over edits: '' for the policy's own. */
  readonly id: string
  readonly numbers: LimitNumbers
  readonly bound: BoundRule
  readonly from: 'policy' | `plan ${string}` | `override ${number}`
  /** The plan of requests that these are for, where a plan says so. */
  readonly plan?: string
}

/** All numbers of a rule. */
export interface NumbersOfRule {
  readonly own: NumbersInForce
  /** The numbers for a request: those of an override, else of its plan, else the policy's own. */
  numbersFor(values: RequestValues): NumbersInForce
  /** The numbers of that id; the policy's own where there are none (any more). */
  numbersOf(id: string): NumbersInForce
}

/** A rule with all that follows from it once. */
export interface RuleInForce extends NumbersOfRule, Using {
  readonly rule: LimitRule
  readonly family: CounterId
  /** That of every rule of the policy with the same key. */
  readonly keyFamily: CounterId
  /** The rule with another algorithm and the same key that was in force before. */
  readonly former?: FormerRule
}

export interface FormerRule {
  readonly rule: RuleInForce
  readonly until: Micros
  /** The rule that took its place then; it may have been edited since. */
  readonly next: NumbersOfRule
}

/** How many changes of the algorithm a counter that was not used meanwhile is carried over. */
const mostFormer = 3

/**
 * Puts a rule in force `now`, in the place of `before`. Numbers that did not change stay the very same; others know
 * which they replace and when, so that usage falls as it did until then.
 */
export function putInForce(rule: LimitRule, before: RuleInForce | undefined, now: Micros): RuleInForce {
  const family = counterFamily(rule)
  const known = before !== undefined && isSameId(before.family, family) ? before : undefined
  const numbers = [rule.numbers, ...rule.plans.values(), ...rule.overrides.map((each) => each.numbers)]
  const left = leftInUse(numbers, known, now)
  const byRequest = numbersInForce(rule, unitFor(rule, numbers, left), known, now)
  const former = formerOf(rule, before, byRequest, now)
  return {
    ...{ rule, family, keyFamily: keyFamily(rule), numbers, left },
    ...byRequest,
    ...(former && { former }),
  }
}

function numbersInForce(
  rule: LimitRule,
  unit: TickUnit,
  before: NumbersOfRule | undefined,
  now: Micros,
): NumbersOfRule {
  const bind = (id: string, numbers: LimitNumbers, from: NumbersInForce['from']): NumbersInForce => {
    const old = before?.numbersOf(id)
    if (old !== undefined && old.bound.unit === unit && equalJson(old.numbers, numbers))
      return { id, numbers, bound: old.bound, from }
    const replaced = old === undefined ? undefined : { bound: old.bound, at: now }
    return { id, numbers, bound: bindRule(numbers, { unit, ...(replaced && { replaced }) }), from }
  }
  const own = bind('', rule.numbers, 'policy')
  const plans = [...rule.plans].map(([plan, numbers]) => ({
    ...bind(`plan ${plan}`, numbers, `plan ${plan}`),
    plan,
  }))
  const overrides = rule.overrides.map((override, index) => {
    return { override, item: bind(idOf(override), override.numbers, `override ${index}`) }
  })
  const byId = new Map([...plans, ...overrides.map(({ item }) => item)].map((each) => [each.id, each]))
  const byPlan = new Map(plans.map((each) => [each.plan, each]))
  const index = overrideIndex(overrides)
  return {
    own,
    numbersFor: (values) => numbersFor(values, own, byPlan, index),
    numbersOf: (id) => byId.get(id) ?? own,
  }
}

function numbersFor(
  values: RequestValues,
  own: NumbersInForce,
  plans: ReadonlyMap<string, NumbersInForce>,
  overrides: OverrideIndex<NumbersInForce>,
): NumbersInForce {
  const override = overrides.find(values)
  if (override !== undefined || plans.size === 0) return override ?? own
  const plan = values.of({ kind: 'plan' })
  return (plan === undefined ? undefined : plans.get(plan)) ?? own
}

/**
 * The unit of the rule's numbers, and of what earlier ones may have left in use: it would else be too large to be counted.
 * Where no unit does for both, usage beyond 2^53 is cut there.
 */
function unitFor({ policy }: LimitRule, all: readonly LimitNumbers[], left: InUse): TickUnit {
  const { unit } = tickUnit(all)
  if (unit === undefined) throw new Error(`no unit of time keeps ${policy} exact`)
  return tickUnit(all.map((numbers) => holding(numbers, left))).unit ?? unit
}

function idOf({ part, value }: LimitOverride): string {
  return JSON.stringify([part, value])
}

function formerOf(
  rule: LimitRule,
  before: RuleInForce | undefined,
  next: NumbersOfRule,
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
