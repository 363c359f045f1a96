import type { Micros } from '../algorithms/algorithm.ts'
import type { Decided } from '../decision/decision.ts'
import type { BusyKey, ShownKey } from '../decision/verdict.ts'
import { type CounterId, isSameId, parseCounterId } from '../identity/counter-id.ts'
import { inFamily, type KeyHasher } from '../identity/counter-identity.ts'
import { formerCounters } from '../rules/former-counters.ts'
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
  hasher: KeyHasher
}): CounterDesk & Watching {
  const { book, store, clock, hasher } = options
  /** What a policy counts by may change: keys of before are none of its keys any more. */
  const busy = new Map<string, { family: CounterId; keys: BusyKeys }>()

  function busyOf({ rule: { policy }, keyFamily: family }: RuleInForce): BusyKeys {
    const known = busy.get(policy)
    if (known !== undefined && isSameId(known.family, family)) return known.keys
    const keys = createBusyKeys()
    busy.set(policy, { family, keys })
    return keys
  }

  function known(policy: string, id: string) {
    const rule = book.find(policy)
    const counter = parseCounterId(id)
    if (rule === undefined || counter === undefined) return undefined
    return { rule, key: inFamily(rule.family, counter) }
  }

  /** A key's counter under the numbers of its last request, once it is carried over from an algorithm of before. */
  async function current(rule: RuleInForce, key: CounterId) {
    const watched = busyOf(rule).find(key)
    const { bound, numbers, id } = rule.numbersOf(watched?.numbers ?? '')
    const counter = inFamily(rule.family, key)
    const former = formerCounters(rule, key, (each) => each.numbersOf(id).bound)
    const { policy } = rule.rule
    if (former.length > 0) {
      const overflow = inFamily(rule.family, hasher.none)
      await store.take([
        { ...{ counter, overflow, policy, rule: bound }, cost: 0, enforced: true, former: () => former },
      ])
    }
    return { policy, counter, bound, numbers, watched }
  }

  return {
    async busyKeys(policy, top) {
      const rule = book.find(policy)
      if (rule === undefined) return undefined
      return Promise.all(
        busyOf(rule)
          .top(top, clock())
          .map(async ({ key, parts, admitted, denied, error }) => {
            const { counter, bound, numbers } = await current(rule, key)
            const view = await store.peek(policy, counter, bound)
            return { key: shownKey(counter, parts), admitted, denied, error, numbers, view }
          }),
      )
    },
    async peek(policy, id) {
      const found = known(policy, id)
      if (found === undefined) return undefined
      const { counter, bound, numbers, watched } = await current(found.rule, found.key)
      const view = await store.peek(policy, counter, bound)
      return { key: { id, ...(watched && { parts: watched.parts }) }, numbers, view }
    },
    async reset(policy, id) {
      const found = known(policy, id)
      if (found === undefined) return undefined
      const { counter } = await current(found.rule, found.key)
      return store.reset(policy, counter)
    },
    async grant(policy, id, amount) {
      const found = known(policy, id)
      if (found === undefined) return undefined
      const { counter, bound } = await current(found.rule, found.key)
      return store.grant(policy, counter, bound, amount)
    },
    keepOnly(policies) {
      for (const policy of busy.keys()) if (!policies.has(policy)) busy.delete(policy)
    },
    watch({ admitted, answered }) {
      for (const { question, outcome } of answered) {
        if (question.kind !== 'counted' || outcome === undefined) continue
        const { key, numbers, rule, values, hit } = question
        // A request that another policy refused is none of this key's.
        if (outcome.admitted && !admitted) continue
        const shown = () => shownParts(rule.rule.key, values, book.limits()!.credentials)
        const { cost } = hit
        busyOf(rule).add({ key, numbers: numbers.id, cost, admitted: outcome.admitted, shown }, clock())
      }
    },
  }
}
