import type { Micros } from '../../algorithms/algorithm.ts'
import { algorithmNames, type BoundRule } from '../../algorithms/bound-rule.ts'
import type { CounterId } from '../../identity/counter-id.ts'
import type { Former, Hit } from '../counter-store.ts'
import { counterKey } from './counter-key.ts'

/** The keys and arguments of one call of a script, as `counters.lua` reads them. */
export class ScriptArguments {
  readonly keys: string[] = []
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

  addKeys(keys: readonly string[]): void {
    this.keys.push(...keys)
  }

  addHit(hit: Hit): void {
    this.addCounter(hit.counter, hit.rule)
    this.add(hit.cost, hit.enforced ? 1 : 0)
    this.addFormer(hit.former?.() ?? [])
  }

  /** A counter's key and the rule that it is judged by. */
  addCounter(counter: CounterId, rule: BoundRule): void {
    this.add(this.#key(counter, rule), this.#rule(rule))
  }

  addRule(rule: BoundRule): void {
    this.add(this.#rule(rule))
  }

  /** A key that is no counter's. */
  addKey(key: string): void {
    this.add(this.keys.push(key))
  }

  addFormer(former: readonly Former[]): void {
    this.add(former.length)
    for (const { counter, rule, until, next } of former) {
      this.add(this.#key(counter, rule), until, this.#rule(rule), this.#rule(next))
    }
  }

  #key(counter: CounterId, rule: BoundRule): number {
    const key = counterKey(counter, rule.algorithm)
    let index = this.#indexOfKey.get(key)
    if (index === undefined) {
      index = this.keys.push(key)
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
