import type { LimitRule, Limits } from '../../model/limit-rule.ts'
import type { Micros } from '../algorithms/algorithm.ts'
import { mostEdits } from '../algorithms/bound-rule.ts'
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
  /** The numbers of a policy are new: counters of before may be in use until then. */
  onEdit(policy: string, until: Micros): void
}): RuleBook {
  const { clock, onEdit } = options
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
        onEdit(policy, after.left.until)
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
