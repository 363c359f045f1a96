import type { OnStoreFailure } from '../../../model/limit-rule.ts'
import type { Fallback, Hit, HitOutcome, Taken } from '../counter-store.ts'
import type { MemoryStore } from '../memory/memory-store.ts'
import type { Ledger } from './ledger.ts'
import { type Place, sharedRule } from './shares.ts'

/** Microseconds after which a client may ask again whom a store that is away refused. */
const again = 1_000_000

/** Decides without the store, each policy by its own word. */
export class Fallbacks {
  readonly #local: MemoryStore
  readonly #ledger: Ledger
  place: Place | undefined

  constructor(local: MemoryStore, ledger: Ledger) {
    this.#local = local
    this.#ledger = ledger
  }

  /** The decision, with nothing taken. */
  look(hits: readonly Hit[], why: string): Taken {
    return this.#decide(hits, why, (shares) => this.#local.look(shares))
  }

  /** The decision. What it takes of the shares is kept to be added to the store. */
  take(hits: readonly Hit[], why: string): Taken {
    const taken = this.spend(hits, why)
    this.owe(hits, taken)
    return taken
  }

  /** The decision. What it takes of the shares is kept until the window ends, and not added to the store. */
  spend(hits: readonly Hit[], why: string): Taken {
    const refused = hits.some((hit) => hit.enforced && wordOf(hit) === 'deny')
    return this.#decide(hits, why, (shares) =>
      refused ? this.#local.look(shares) : this.#local.take(shares),
    )
  }

  /** What was spent of the shares without the store is to be added to it. */
  owe(hits: readonly Hit[], taken: Taken): void {
    for (const hit of tookLocally(hits, taken)) this.#ledger.add(hit, sharedRule(hit.rule, this.place))
  }

  /** The store refused what was spent. */
  giveBack(hits: readonly Hit[], taken: Taken): void {
    for (const { policy, counter, rule, cost } of tookLocally(hits, taken))
      this.#local.grant(policy, counter, sharedRule(rule, this.place), cost)
  }

  #decide(hits: readonly Hit[], why: string, decide: (shares: readonly Hit[]) => Taken): Taken {
    const own = decide(hits.filter((hit) => wordOf(hit) === 'local').map((hit) => this.#shared(hit)))
    let next = 0
    const outcomes = hits.map((hit): HitOutcome => {
      const word = wordOf(hit)
      const fallback: Fallback = { word, why, place: this.place }
      if (word !== 'local') return { ...byWord(hit, word), fallback }
      const outcome = own.outcomes[next++]!
      // More than the share, and not more than the limit: the store will admit it when it is back.
      const fits = outcome.retryAfter === null && hit.rule.step(undefined, hit.cost, 0).decision.admitted
      return { ...outcome, ...(fits && { retryAfter: again }), fallback }
    })
    const admitted = own.admitted && !hits.some((hit) => hit.enforced && wordOf(hit) === 'deny')
    return { admitted, outcomes }
  }

  #shared(hit: Hit): Hit {
    const { former } = hit
    const shared = (rule: Hit['rule']) => sharedRule(rule, this.place)
    return {
      ...hit,
      rule: shared(hit.rule),
      ...(former && {
        former: () => former().map((each) => ({ ...each, rule: shared(each.rule), next: shared(each.next) })),
      }),
    }
  }
}

export function wordOf(hit: Hit): OnStoreFailure {
  return hit.onStoreFailure ?? 'local'
}

function byWord({ rule }: Hit, word: 'allow' | 'deny'): HitOutcome {
  if (word === 'deny')
    return { admitted: false, retryAfter: again, delay: 0, remaining: 0, resetAfter: again }
  return { admitted: true, retryAfter: 0, delay: 0, remaining: rule.quota.quota, resetAfter: 0 }
}

function tookLocally(hits: readonly Hit[], { admitted, outcomes }: Taken): Hit[] {
  if (!admitted) return []
  return hits.filter((hit, index) => wordOf(hit) === 'local' && outcomes[index]!.admitted)
}
