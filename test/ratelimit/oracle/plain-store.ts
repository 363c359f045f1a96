import { type BoundRule, carryOver } from '../../../src/ratelimit/algorithms/bound-rule.ts'
import { type CounterId, formatCounterId } from '../../../src/ratelimit/identity/counter-id.ts'
import type {
  CounterView,
  Former,
  Hit,
  HitOutcome,
  Taken,
} from '../../../src/ratelimit/stores/counter-store.ts'

/** What a store of counters promises, as plainly as it can be said: a map of states, which forgets nothing. */
export function createPlainStore(clock: () => number) {
  const states = new Map<string, unknown>()

  function decide(hits: readonly Hit[], into: Map<string, unknown>): Taken {
    const now = clock()
    for (const hit of hits) carry(hit, into)
    const before = new Map(into)
    const outcomes = new Map<Hit, HitOutcome>()
    const judge = (hit: Hit, keeping: boolean): boolean => {
      const name = formatCounterId(hit.counter)
      const { state, decision } = hit.rule.step(into.get(name), hit.cost, now)
      outcomes.set(hit, { ...decision, remaining: 0, resetAfter: 0 })
      if (decision.admitted && keeping) into.set(name, state)
      return decision.admitted
    }
    const enforced = hits.filter((hit) => hit.enforced).map((hit) => judge(hit, true))
    const admitted = enforced.every(Boolean)
    if (!admitted) for (const [name] of into) into.set(name, before.get(name))
    for (const hit of hits) if (!hit.enforced) judge(hit, admitted)
    for (const hit of hits) {
      Object.assign(outcomes.get(hit)!, hit.rule.standing(into.get(formatCounterId(hit.counter)), now))
    }
    return { admitted, outcomes: hits.map((hit) => outcomes.get(hit)!) }
  }

  /** What is idle by then is none. */
  function carry(
    { counter, rule, former }: Pick<Hit, 'counter' | 'rule' | 'former'>,
    into: Map<string, unknown>,
  ): void {
    if (former === undefined || into.get(formatCounterId(counter)) !== undefined) return
    const all = former()
    const found = all.findIndex((each) => into.get(formatCounterId(each.counter)) !== undefined)
    if (found === -1) return
    let state = into.get(formatCounterId(all[found]!.counter))
    for (const each of all.slice(0, found + 1).reverse()) {
      state = carryOver(state, each.rule, each.next, each.until)
    }
    into.delete(formatCounterId(all[found]!.counter))
    if (rule.used(rule.at(state, clock())) > 0) into.set(formatCounterId(counter), state)
  }

  return {
    take: (hits: readonly Hit[]) => decide(hits, states),

    look(hits: readonly Hit[]): Taken {
      const copy = new Map(states)
      const { admitted, outcomes } = decide(hits, copy)
      const untouched = new Map(states)
      for (const hit of hits) carry(hit, untouched)
      const standing = (hit: Hit) => hit.rule.standing(untouched.get(formatCounterId(hit.counter)), clock())
      return {
        admitted,
        outcomes: outcomes.map((outcome, index) => ({ ...outcome, ...standing(hits[index]!) })),
      }
    },

    peek(counter: CounterId, rule: BoundRule, former: readonly Former[] = []): CounterView | undefined {
      const copy = new Map(states)
      carry({ counter, rule, former: () => former }, copy)
      const state = rule.at(copy.get(formatCounterId(counter)), clock())
      const used = rule.used(state)
      return used === 0 ? undefined : { used, ...rule.standing(state, clock()) }
    },

    reset: (counter: CounterId) => void states.delete(formatCounterId(counter)),

    grant(counter: CounterId, rule: BoundRule, amount: number, former: readonly Former[] = []): void {
      const name = formatCounterId(counter)
      carry({ counter, rule, former: () => former }, states)
      if (!states.has(name)) return
      const state = rule.at(states.get(name), clock())
      if (rule.used(state) > 0) states.set(name, rule.giveBack(state, amount))
    },
  }
}
