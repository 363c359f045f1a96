import type { BoundRule } from '../algorithms/bound-rule.ts'
import type { CounterId } from '../identity/counter-id.ts'
import { inFamily } from '../identity/counter-identity.ts'
import type { Former } from '../stores/counter-store.ts'
import type { NumbersOfRule, RuleInForce } from './rule-in-force.ts'

/** The counters of a key under a policy's earlier algorithms, newest first; `bound` chooses from a rule's numbers. */
export function formerCounters(
  rule: RuleInForce,
  key: CounterId,
  bound: (numbers: NumbersOfRule) => BoundRule,
): Former[] {
  const all: Former[] = []
  for (let { former } = rule; former !== undefined; former = former.rule.former) {
    const { rule: earlier, until, next } = former
    all.push({ counter: inFamily(earlier.family, key), rule: bound(earlier), until, next: bound(next) })
  }
  return all
}
