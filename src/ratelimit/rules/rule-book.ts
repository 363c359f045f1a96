import type { LimitRule, Limits } from '../../model/limit-rule.ts'
import type { Micros } from '../algorithms/algorithm.ts'
import { mostEdits } from '../algorithms/bound-rule.ts'
import { isSlower } from './in-use.ts'
import { putInForce, type RuleInForce } from './rule-in-force.ts'
import { type Edit, ruleText } from './saved-rules.ts'

/** The rules in force, by policy. */
export interface RuleBook {
  /** Replaces all of them, at once and for every request that follows. */
  set(limits: Limits): void
  /** Nothing before the first `set`. */
  limits(): Limits | undefined
  find(policy: string): RuleInForce | undefined
  /** The latest edits of each policy: with them counters that were not used since can be carried over after a restart. */
  edits(): ReadonlyMap<string, readonly Edit[]>
  /** Takes over the edits of before a restart. To be called before the first `set`, which edits the newest of them. */
  resume(edits: ReadonlyMap<string, readonly Edit[]>): void
}

export function createRuleBook(options: {
  clock: () => Micros
  /** By an edit of the policy counters of before may be in use for longer than they were to be, but no longer than that. */
  onSlower(policy: string, span: Micros): void
}): RuleBook {
  const { clock, onSlower } = options
  let limits: Limits | undefined
  let rules: ReadonlyMap<string, RuleInForce> = new Map()
  let edits: ReadonlyMap<string, readonly Edit[]> = new Map()

  function editsWith(policy: string, rule: LimitRule, at: Micros): readonly Edit[] {
    const before = edits.get(policy) ?? []
    const newest = before.at(-1)
    if (newest !== undefined && ruleText(newest.rule) === ruleText(rule)) return before
    return [...before.slice(1 - mostEdits), { rule, at }]
  }

  return {
    set(next) {
      const now = clock()
      const updated = new Map<string, RuleInForce>()
      const history = new Map<string, readonly Edit[]>()
      for (const [policy, rule] of next.rules) {
        const before = rules.get(policy)
        if (before?.rule === rule) {
          updated.set(policy, before)
          history.set(policy, edits.get(policy)!)
          continue
        }
        const after = putInForce(rule, before, now)
        updated.set(policy, after)
        history.set(policy, editsWith(policy, rule, now))
        if (before !== undefined && outlives(after, before)) onSlower(policy, after.left.until - now)
      }
      rules = updated
      edits = history
      limits = next
    },
    limits: () => limits,
    find: (policy) => rules.get(policy),
    edits: () => edits,
    resume(saved) {
      const inForce = new Map<string, RuleInForce>()
      for (const [policy, list] of saved) {
        for (const { rule, at } of list) inForce.set(policy, putInForce(rule, inForce.get(policy), at))
      }
      rules = inForce
      edits = saved
    },
  }
}

/** What is rounded up to a coarser unit takes longer, too. */
function outlives(after: RuleInForce, before: RuleInForce): boolean {
  return after.own.bound.unit > before.own.bound.unit || isSlower(after.numbers, before.numbers)
}
