import { WeirError } from '../../errors.ts'
import type { Limits } from '../../model/limit-rule.ts'
import type { Micros } from '../algorithms/algorithm.ts'
import type { Decided } from '../decision/decision.ts'
import { shownKey, shownParts } from '../decision/shown-key.ts'
import type { BusyKey, ShownKey } from '../decision/verdict.ts'
import { type CounterId, isSameId, parseCounterId } from '../identity/counter-id.ts'
import { inFamily } from '../identity/counter-identity.ts'
import { formerCounters } from '../rules/former-counters.ts'
import type { RuleBook } from '../rules/rule-book.ts'
import type { RuleInForce } from '../rules/rule-in-force.ts'
import type { Answer, CounterStore, CounterView } from '../stores/counter-store.ts'
import { type BusyKeys, createBusyKeys, type WatchedKey } from './busy-keys.ts'

/** One counter, for those who operate the limits. */
export interface CounterReport {
  /** Its parts are known while it is among the busy ones. */
  key: Partial<ShownKey> & { id: string }
  numbers: BusyKey['numbers']
  /** Nothing where the counter is idle. */
  view: CounterView | undefined
}

/**
 * What operators ask of counters. An answer is `undefined` where there is no such policy, or the id is none. Where a policy
 * has several sets of numbers, `peek` and `grant` throw `conflict` for a key that is not among the busy ones: which of them
 * are in force for it is said by its requests alone.
 */
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
  /** Forgets the keys of policies that are no more, and all when other parts are credentials than before. */
  forget(limits: Limits): void
}

export function createCounterDesk(options: {
  book: RuleBook
  store: CounterStore
  clock: () => Micros
}): CounterDesk & Watching {
  const { book, store, clock } = options
  let shownWithout: ReadonlySet<string> = new Set()
  /** What a policy counts by may change: keys of before are none of its keys any more. */
  const busy = new Map<string, { family: CounterId; keys: BusyKeys }>()

  function busyOf({ rule: { policy }, keyFamily: family }: RuleInForce): BusyKeys {
    const known = busy.get(policy)
    if (known !== undefined && isSameId(known.family, family)) return known.keys
    const keys = createBusyKeys()
    busy.set(policy, { family, keys })
    return keys
  }

  /** A counter of a policy with the numbers of its key's last request; nothing where there is no such policy or id. */
  function find(policy: string, id: string) {
    const rule = book.find(policy)
    const counter = parseCounterId(id)
    if (rule === undefined || counter === undefined) return undefined
    const watched = busyOf(rule).find(inFamily(rule.family, counter))
    return { rule, counter, watched }
  }

  function numbersOf(rule: RuleInForce, counter: CounterId, watched: WatchedKey | undefined) {
    const numbers = rule.numbersOf(watched?.numbers ?? '')
    const key = inFamily(rule.family, counter)
    return { numbers, former: formerCounters(rule, key, (each) => each.numbersOf(numbers.id).bound) }
  }

  /** Whether it is not known which numbers are in force for a key: its request would say. */
  function unknown(rule: RuleInForce, watched: WatchedKey | undefined): boolean {
    return watched === undefined && rule.numbers.length > 1
  }

  return {
    async busyKeys(policy, top) {
      const rule = book.find(policy)
      if (rule === undefined) return undefined
      return Promise.all(
        busyOf(rule)
          .top(top, clock())
          .map(async (watched) => {
            const { key, parts, admitted, denied, error } = watched
            const counter = inFamily(rule.family, key)
            const { numbers, former } = numbersOf(rule, counter, watched)
            const view = await readable(store.peek(policy, counter, numbers.bound, former))
            return { key: shownKey(counter, parts), admitted, denied, error, numbers: numbers.numbers, view }
          }),
      )
    },
    async peek(policy, id) {
      const found = find(policy, id)
      if (found === undefined) return undefined
      const { rule, counter, watched } = found
      if (unknown(rule, watched)) throw notKnown(policy, id)
      const { numbers, former } = numbersOf(rule, counter, watched)
      const view = await store.peek(policy, counter, numbers.bound, former)
      return { key: { id, ...(watched && { parts: watched.parts }) }, numbers: numbers.numbers, view }
    },
    async reset(policy, id) {
      const found = find(policy, id)
      if (found === undefined) return undefined
      const { rule, counter, watched } = found
      const { numbers, former } = numbersOf(rule, counter, watched)
      const all = [{ counter, rule: numbers.bound }, ...former]
      const were = await Promise.all(all.map((each) => store.reset(policy, each.counter, each.rule)))
      return were.includes(true)
    },
    async grant(policy, id, amount) {
      const found = find(policy, id)
      if (found === undefined) return undefined
      const { rule, counter, watched } = found
      if (unknown(rule, watched)) throw notKnown(policy, id)
      const { numbers, former } = numbersOf(rule, counter, watched)
      return store.grant(policy, counter, numbers.bound, amount, former)
    },
    forget({ rules, credentials }) {
      // What was shown until now may be a credential from now on.
      if (!isSameSet(credentials, shownWithout)) busy.clear()
      shownWithout = credentials
      for (const policy of busy.keys()) if (!rules.has(policy)) busy.delete(policy)
    },
    watch({ admitted, answered }) {
      for (const { question, outcome } of answered) {
        if (question.kind !== 'counted' || outcome === undefined) continue
        const { key, numbers, rule, values } = question
        // A request that another policy refused is none of this key's.
        if (outcome.admitted && !admitted) continue
        const shown = () => shownParts(rule.rule.key, values, book.limits()!.credentials)
        busyOf(rule).add({ key, numbers: numbers.id, admitted: outcome.admitted, shown }, clock())
      }
    },
  }
}

/** Null while the store is away: which keys are busy is known without it. */
async function readable<T>(answer: Answer<T>): Promise<T | null> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof WeirError && error.code === 'unavailable') return null
    throw error
  }
}

function notKnown(policy: string, id: string): WeirError {
  const message = `Which numbers of ${policy} are in force for ${id} is not known: its key is not among the busy ones.`
  const remedy = 'ask again when it makes more requests, or reset it'
  return new WeirError('conflict', message, { problems: [{ pointer: '', message, remedy }] })
}

function isSameSet(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && one.isSubsetOf(other)
}
