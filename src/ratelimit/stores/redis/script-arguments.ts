import type { Micros } from '../../algorithms/algorithm.ts'
import { algorithmNames, type BoundRule } from '../../algorithms/bound-rule.ts'
import type { CounterId } from '../../identity/counter-id.ts'
import type { Former, Hit } from '../counter-store.ts'
import { counterKey, counterPrefix } from './counter-key.ts'

/** The keys and arguments of one call of a script, as `counters.lua` reads them. */
export class ScriptArguments {
  /** As `counterKey` has them, in the order of `names`. */
  readonly keys: string[] = []
  /** As the store has them. */
  readonly names: string[] = []
  readonly #indexOfKey = new Map<string, number>()
  readonly #rules: string[] = []
  readonly #indexOfRule = new Map<BoundRule, number>()
  #ruleCount = 0
  readonly #rest: string[] = []

  /** All of them: `clock` is '' for the store's own, `graceMs` is how long an idle counter stays. */
  list(clock: Micros | '', graceMs: number): string[] {
    return [String(clock), String(graceMs), String(this.#ruleCount), ...this.#rules, ...this.#rest]
  }

  add(...values: (string | number)[]): void {
    for (const value of values) this.#rest.push(String(value))
  }

  /** Keys of a policy's counters that no rule is asked of; without a policy, others. */
  addKeys(keys: readonly string[], policy?: string): void {
    for (const key of keys) this.#push(key, policy)
  }

  addHit(hit: Hit): void {
    this.addCounter(hit.counter, hit.rule, hit.policy)
    this.add(hit.cost, hit.enforced ? 1 : 0)
    this.addFormer(hit.former?.() ?? [], hit.policy)
  }

  /** A counter of the policy and the rule that it is judged by. */
  addCounter(counter: CounterId, rule: BoundRule, policy: string): void {
    this.add(this.#key(counter, rule, policy), this.#rule(rule))
  }

  addRule(rule: BoundRule): void {
    this.add(this.#rule(rule))
  }

  /** A key beside those of the policy's counters. */
  addKey(key: string, policy: string): void {
    this.add(this.#push(key, policy))
  }

  addFormer(former: readonly Former[], policy: string): void {
    this.add(former.length)
    for (const { counter, rule, until, next } of former) {
      this.add(this.#key(counter, rule, policy), until, this.#rule(rule), this.#rule(next))
    }
  }

  #push(key: string, policy?: string): number {
    this.names.push(policy === undefined ? key : counterPrefix(policy) + key)
    return this.keys.push(key)
  }

  #key(counter: CounterId, rule: BoundRule, policy: string): number {
    const key = counterKey(counter, rule.algorithm)
    let index = this.#indexOfKey.get(key)
    if (index === undefined) {
      index = this.#push(key, policy)
      this.#indexOfKey.set(key, index)
    }
    return index
  }

  #rule(rule: BoundRule): number {
    let index = this.#indexOfRule.get(rule)
    if (index === undefined) {
      index = ++this.#ruleCount
      this.#indexOfRule.set(rule, index)
      this.#rules.push(...ruleArguments(rule))
    }
    return index
  }
}

const written = new WeakMap<BoundRule, string[]>()

/** Its algorithm, counted from 1, and the list of its numbers. */
function ruleArguments(rule: BoundRule): string[] {
  let list = written.get(rule)
  if (list === undefined) {
    list = [algorithmNames.indexOf(rule.algorithm) + 1, ...rule.list()].map(String)
    written.set(rule, list)
  }
  return list
}
