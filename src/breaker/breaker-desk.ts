import type { BreakerRule } from '../model/breaker-rule.ts'
import { Deadlines } from '../ratelimit/stores/resilient/deadlines.ts'
import { inBatches } from './batches.ts'
import { type ClusterBreaker, storeAway } from './cluster-breaker.ts'
import type { Hand } from './machine.ts'
import type { BreakerState, Micros } from './state.ts'
import type { Outcomes } from './store.ts'

/** A breaker for those who operate it. */
export interface BreakerView {
  readonly rule: BreakerRule
  /** Nothing where the store is away and nothing was heard of it before. */
  readonly state: BreakerState | undefined
  readonly outcomes: Outcomes
  /** The store's clock. */
  readonly now: Micros
  /** Why this may not be so any more; nothing where the store says it. */
  readonly trouble: string | undefined
}

/** What operators ask of breakers. */
export interface BreakerDesk {
  /** All clusters that have a breaker, by name. */
  list(): Promise<BreakerView[]>
  /** Those that are open or half-open, by name. The store is asked for those alone that this replica never heard of. */
  notClosed(): Promise<BreakerView[]>
  /** Nothing where the cluster has none in force. */
  find(cluster: string): Promise<BreakerView | undefined>
  /** Opens or closes it by hand. Throws `unavailable` where the store does not say that it was done. */
  set(cluster: string, hand: Hand): Promise<BreakerView | undefined>
}

/** The longest that a person waits for the store, in milliseconds. */
const patienceMs = 1_000

export function createBreakerDesk(options: {
  breakers: ReadonlyMap<string, ClusterBreaker>
  trouble(): string | undefined
}): BreakerDesk {
  const { breakers, trouble } = options
  const deadlines = new Deadlines(patienceMs)

  /** By name. */
  function inOrder(): ClusterBreaker[] {
    return [...breakers.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, breaker]) => breaker)
  }

  function viewOf(breaker: ClusterBreaker, why: string | undefined): BreakerView {
    const { rule, state, outcomes } = breaker
    return { rule, state, outcomes, now: breaker.now(), trouble: why }
  }

  async function view(breaker: ClusterBreaker): Promise<BreakerView> {
    const why = trouble()
    if (why !== undefined) return viewOf(breaker, why)
    try {
      await deadlines.bound(breaker.read())
      return viewOf(breaker, undefined)
    } catch {
      return viewOf(breaker, trouble() ?? 'did not answer in time')
    }
  }

  async function readUnheard(): Promise<void> {
    const unheard = inOrder().filter(({ state }) => state === undefined)
    const end = performance.now() + patienceMs
    await inBatches(unheard, view, () => trouble() === undefined && performance.now() <= end)
  }

  return {
    async notClosed() {
      await readUnheard()
      const why = trouble()
      const known = inOrder().filter(({ state }) => state !== undefined && state.name !== 'closed')
      return known.map((breaker) => viewOf(breaker, why))
    },
    list: () => inBatches(inOrder(), view),
    async find(cluster) {
      const breaker = breakers.get(cluster)
      return breaker && view(breaker)
    },
    async set(cluster, hand) {
      const breaker = breakers.get(cluster)
      if (breaker === undefined) return undefined
      const what = `The breaker of ${cluster} cannot be set`
      const why = trouble()
      if (why !== undefined) throw storeAway(what, why)
      try {
        await deadlines.bound(breaker.set(hand))
      } catch (error) {
        throw storeAway(what, trouble() ?? 'did not answer in time: whether it was done is not known', error)
      }
      return viewOf(breaker, undefined)
    },
  }
}
