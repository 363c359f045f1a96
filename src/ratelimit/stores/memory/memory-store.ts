import { type Micros, rowNumbers } from '../../algorithms/algorithm.ts'
import type { BoundRule } from '../../algorithms/bound-rule.ts'
import type { CounterId } from '../../identity/counter-id.ts'
import { carried } from '../carried.ts'
import type { CounterStore, CounterView, Former, Hit, Taken } from '../counter-store.ts'
import { begin, findTouched, judge, type Touched } from '../judge.ts'
import { Counters } from './counters.ts'

/** Slots looked at for expiry with each hit: so many that what is over never fills a segment until it must grow. */
const sweptPerHit = 8

export interface MemoryStoreOptions {
  /** Whole microseconds since the epoch; never goes back. */
  clock: () => Micros
  /**
   * Counters that are held before the store counts as full. Then a policy gets new counters only below its fair share
   * (this number divided by the policies that hold any) and while the store holds less than twice this number; else a
   * new key shares one counter with all other new keys of its policy. So nobody loses a counter to an attacker's random
   * keys, a flood of one policy's keys leaves the others theirs, and memory stays bounded.
   */
  maxCounters: number
  /** Called when a hit had to share a counter. */
  onOverflow?(policy: string): void
}

/** A store that answers at once. */
export interface MemoryStore extends CounterStore {
  take(hits: readonly Hit[]): Taken
  look(hits: readonly Hit[]): Taken
  peek(
    policy: string,
    counter: CounterId,
    rule: BoundRule,
    former?: readonly Former[],
  ): CounterView | undefined
  reset(policy: string, counter: CounterId, rule?: BoundRule): boolean
  grant(
    policy: string,
    counter: CounterId,
    rule: BoundRule,
    amount: number,
    former?: readonly Former[],
  ): boolean
  /** For snapshots. */
  readonly counters: Counters
}

/**
 * Counters in this process. JavaScript runs one step at a time, so a `take` is atomic by itself. Counters that are over
 * go a few at a time with the hits that follow, and the table grows in parts: there is no work that could pause the
 * process.
 */
export function createMemoryStore({ clock, maxCounters, onOverflow }: MemoryStoreOptions): MemoryStore {
  const counters = new Counters(maxCounters)

  /** The state of a counter. One that is over is none, whether or not it was swept already. */
  function read(id: CounterId, rule: BoundRule, now: Micros): unknown {
    const segment = counters.segmentOf(id)
    const slot = segment.find(id)
    if (slot === -1 || counters.isOver(segment, slot, now)) return undefined
    return rule.unpack(segment.numbers, slot * rowNumbers)
  }

  /**
   * A counter that two rules take turns on, say those of two plans, stays until both find it idle. One that is idle
   * already is not begun.
   */
  function write(id: CounterId, policy: string, rule: BoundRule, state: unknown, now: Micros): void {
    const segment = counters.segmentOf(id)
    const expiresAt = rule.expiresAt(state)
    let slot = segment.find(id)
    if (slot === -1) {
      if (expiresAt <= now) return
      slot = counters.insert(id, { policy, algorithm: rule.algorithm }, expiresAt)
    } else if (segment.expires[slot]! < expiresAt) {
      segment.expires[slot] = expiresAt
    }
    rule.pack(state, segment.numbers, slot * rowNumbers)
  }

  /** The state of a counter that is the policy's and of the rule's algorithm. */
  function kept(policy: string, id: CounterId, rule: BoundRule, now: Micros): unknown {
    const segment = counters.segmentOf(id)
    const slot = segment.find(id)
    if (slot === -1) return undefined
    const owner = counters.ownerOf(segment, slot)
    return owner.policy === policy && owner.algorithm === rule.algorithm ? read(id, rule, now) : undefined
  }

  function remove(id: CounterId): void {
    const segment = counters.segmentOf(id)
    counters.remove(segment, segment.find(id))
  }

  function carriedOver(former: readonly Former[], now: Micros) {
    return carried(former, ({ counter, rule }) => read(counter, rule, now))
  }

  /** The counter that a hit is judged by: its own, or in a full store its policy's overflow counter. */
  function touch(hit: Hit, all: Touched[], now: Micros, taking: boolean): Touched {
    const id = hit.counter
    const own = findTouched(all, id)
    if (own !== undefined) return own
    const state = read(id, hit.rule, now)
    if (state !== undefined) return begin(hit, id, state, all)
    const earlier = hit.former === undefined ? undefined : carriedOver(hit.former(), now)
    if (earlier !== undefined) {
      if (taking) {
        remove(earlier.from.counter)
        write(id, hit.policy, hit.rule, earlier.state, now)
      }
      return begin(hit, id, earlier.state, all)
    }
    if (counters.shares.admits(hit.policy, counters.size)) return begin(hit, id, undefined, all)
    if (taking) onOverflow?.(hit.policy)
    const shared = findTouched(all, hit.overflow)
    return shared ?? begin(hit, hit.overflow, read(hit.overflow, hit.rule, now), all)
  }

  /** What all hits of a request come to; `taking`, it is kept. */
  function decide(hits: readonly Hit[], taking: boolean): Taken {
    const now = clock()
    if (taking) counters.sweep(sweptPerHit * hits.length, now)
    const { taken, touched } = judge({ hits, now, taking, touch: (hit, all) => touch(hit, all, now, taking) })
    if (taking) {
      for (const { id, before, after, hit } of touched) {
        if (after !== before) write(id, hit.policy, hit.rule, after, now)
      }
    }
    return taken
  }

  return {
    counters,
    take: (hits) => decide(hits, true),
    look: (hits) => decide(hits, false),

    peek(policy, counter, rule, former = []) {
      const now = clock()
      const state = kept(policy, counter, rule, now) ?? carriedOver(former, now)?.state
      if (state === undefined) return undefined
      const used = rule.used(rule.at(state, now))
      return used === 0 ? undefined : { used, ...rule.standing(state, now) }
    },

    reset(policy, counter) {
      const segment = counters.segmentOf(counter)
      const slot = segment.find(counter)
      if (slot === -1 || counters.ownerOf(segment, slot).policy !== policy) return false
      const over = counters.isOver(segment, slot, clock())
      counters.remove(segment, slot)
      return !over
    },

    grant(policy, counter, rule, amount, former = []) {
      const now = clock()
      const earlier = kept(policy, counter, rule, now) === undefined ? carriedOver(former, now) : undefined
      if (earlier !== undefined) {
        remove(earlier.from.counter)
        write(counter, policy, rule, earlier.state, now)
      }
      const state = kept(policy, counter, rule, now)
      if (state === undefined) return false
      const brought = rule.at(state, now)
      if (rule.used(brought) === 0) return false
      write(counter, policy, rule, rule.giveBack(brought, amount), now)
      return true
    },

    keep(policy, span) {
      const now = clock()
      counters.shares.keep(policy, now + span, now)
    },
    size: () => counters.size,
  }
}
