import type { Limits } from '../../model/limit-rule.ts'
import type { Micros } from '../algorithms/algorithm.ts'
import type { SipKey } from '../identity/sip-hash.ts'
import { longestUse, putInForce, type RuleInForce } from './rule-in-force.ts'

/** The rules in force, by policy. */
export interface RuleBook {
  /** Replaces all of them, at once and for every request that follows. */
  set(limits: Limits): void
  /** Nothing before the first `set`. */
  limits(): Limits | undefined
  find(policy: string): RuleInForce | undefined
}

export function createRuleBook(options: {
  /** Key of the hashes in counter identities. */
  key: SipKey
  clock: () => Micros
  /** The numbers of a policy are new: counters of before may be in use until then. */
  onEdit(policy: string, until: Micros): void
}): RuleBook {
  const { key, clock, onEdit } = options
  let limits: Limits | undefined
  let rules: ReadonlyMap<string, RuleInForce> = new Map()

  return {
    set(next) {
      const now = clock()
      const updated = new Map<string, RuleInForce>()
      for (const [policy, rule] of next.rules) {
        const before = rules.get(policy)
        if (before?.rule === rule) {
          updated.set(policy, before)
          continue
        }
        const after = putInForce(rule, key, before, now)
        updated.set(policy, after)
        onEdit(policy, now + longestUse(after, before))
      }
      rules = updated
      limits = next
    },
    limits: () => limits,
    find: (policy) => rules.get(policy),
  }
}
