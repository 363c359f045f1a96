import type { Micros } from '../algorithms/algorithm.ts'
import type { Decided } from '../decision/decision.ts'
import type { BusyKey, ShownKey } from '../decision/verdict.ts'
import { parseCounterId } from '../identity/counter-id.ts'
import type { Family } from '../identity/counter-identity.ts'
import type { RuleBook } from '../rules/rule-book.ts'
import type { RuleInForce } from '../rules/rule-in-force.ts'
import type { Answer, CounterStore, CounterView } from '../stores/counter-store.ts'
import { type BusyKeys, createBusyKeys } from './busy-keys.ts'
import { shownKey, shownParts } from './shown-key.ts'

/** One counter, for those who operate the limits. */
export interface CounterReport {
  /** Its parts are known while it is among the busy ones. */
  key: Partial<ShownKey> & { id: string }
  numbers: BusyKey['numbers']
  /** Nothing where the counter is idle. */
  view: CounterView | undefined
}

/** What operators ask of counters. An answer is `undefined` where there is no such policy, or the id is none. */
export interface CounterDesk {
  /** The keys of a policy that were refused most of late, then the busiest. */
  busyKeys(policy: string, top: number): Answer<BusyKey[] | undefined>
  peek(policy: string, id: string): Answer<CounterReport | undefined>
  /** Makes a counter idle. Whether it was in use. */
  reset(policy: string, id: string): Answer<boolean | undefined>
  /** Gives back up to `amount` of what a counter has in use. Whether it was in use. */
  grant(policy: string, id: string, amount: number): Answer<boolean | undefined>
}

interface Watching {
  /** Counts a decision's keys among the busy ones. */
  watch(decision: Decided): void
  /** Forgets the keys of all other policies. */
  keepOnly(policies: ReadonlyMap<string, unknown>): void
}

export function createCounterDesk(options: {
  book: RuleBook
  store: CounterStore
  clock: () => Micros
}): CounterDesk & Watching {
  const { book, store, clock } = options
  /** What a policy counts by may change: keys of another family are none of its keys any more. */
  const busy = new Map<string, { family: Family; keys: BusyKeys }>()

  function busyOf({ rule: { policy }, family }: RuleInForce): BusyKeys {
    const known = busy.get(policy)
    if (known?.family.equals(family)) return known.keys
    const keys = createBusyKeys()
    busy.set(policy, { family, keys })
    return keys
  }

  function known(policy: string, id: string) {
    const rule = book.find(policy)
    const counter = parseCounterId(id)
    if (rule === undefined || counter === undefined) return undefined
    const watched = busyOf(rule).find(counter)
    return { counter, watched, numbers: watched?.numbers ?? rule.own }
  }

  return {
    async busyKeys(policy, top) {
      const rule = book.find(policy)
      if (rule === undefined) return undefined
      return Promise.all(
        busyOf(rule)
          .top(top, clock())
          .map(async ({ id, parts, numbers, admitted, denied, error }) => ({
            key: shownKey(id, parts),
            ...{ admitted, denied, error },
            numbers: numbers.numbers,
            view: await store.peek(policy, id, numbers.bound),
          })),
      )
    },
    async peek(policy, id) {
      const found = known(policy, id)
      if (found === undefined) return undefined
      const { counter, watched, numbers } = found
      const view = await store.peek(policy, counter, numbers.bound)
      return { key: { id, ...(watched && { parts: watched.parts }) }, numbers: numbers.numbers, view }
    },
    reset(policy, id) {
      const found = known(policy, id)
      return found && store.reset(policy, found.counter)
    },
    grant(policy, id, amount) {
      const found = known(policy, id)
      return found && store.grant(policy, found.counter, found.numbers.bound, amount)
    },
    keepOnly(policies) {
      for (const policy of busy.keys()) if (!policies.has(policy)) busy.delete(policy)
    },
    watch({ admitted, answered }) {
      for (const { question, outcome } of answered) {
        if (question.kind !== 'counted' || outcome === undefined) continue
        const { counter, numbers, rule, values, hit } = question
        // A request that another policy refused is none of this key's.
        if (outcome.admitted && !admitted) continue
        const shown = () => shownParts(rule.rule.key, values, book.limits()!.credentials)
        busyOf(rule).add({ id: counter, numbers, cost: hit.cost, admitted: outcome.admitted, shown }, clock())
      }
    },
  }
}
