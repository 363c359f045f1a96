import type { Micros } from '../../algorithms/algorithm.ts'
import type { BoundRule } from '../../algorithms/bound-rule.ts'
import type { Hit, HitOutcome, Taken } from '../counter-store.ts'
import { begin, findTouched, judge, type Touched } from '../judge.ts'
import { counterKey } from './counter-key.ts'
import type { Replay } from './replay.ts'

/** Counters that are remembered at most. */
const mostRemembered = 10_000
/**
 * Microseconds after which the store is asked again: what another replica reset or gave back is seen here no later, and what
 * a client is told of a counter that others use, too, is no older.
 */
const longest: Micros = 250_000

interface Remembered {
  /** That of its last request: an edit, of which each has a rule of its own, may have carried the counter over meanwhile. */
  readonly rule: BoundRule
  readonly state: unknown
  /** Whether nothing of it may be given back. */
  readonly isSettled: boolean
  /** What the own clock is to be added to for the store's, or more than it: the answer's time less that of the question. */
  readonly ahead: Micros
  readonly askedAt: Micros
}

/**
 * Counters that refused of late, as the store last knew them. Usage only grows but by time, resets and grants: a request
 * that such a counter still refuses at the latest time that the store's clock can show is refused by the store as well,
 * and need not be asked. So an attacker beyond its limit costs the store next to nothing, and no decision differs.
 */
export class HotKeys {
  readonly #remembered = new Map<string, Remembered>()
  readonly #clock: () => Micros
  #forgotAt = Number.NEGATIVE_INFINITY

  /** `clock` only goes on, at the rate of time. */
  constructor(clock: () => Micros) {
    this.#clock = clock
  }

  /** The refusal of a request, if that is certain and all of its counters are known; else nothing. */
  refusal(hits: readonly Hit[]): Taken | undefined {
    if (this.#remembered.size === 0) return undefined
    const own = this.#clock()
    let ahead = Number.NEGATIVE_INFINITY
    for (const hit of hits) {
      const known = this.#remembered.get(counterKey(hit.counter, hit.rule.algorithm))
      if (known?.rule !== hit.rule || own - known.askedAt > longest) return undefined
      ahead = Math.max(ahead, known.ahead)
    }
    const touch = (hit: Hit, met: Touched[]) =>
      findTouched(met, hit.counter) ?? begin(hit, hit.counter, this.#state(hit), met)
    const { taken } = judge({ hits, now: own + ahead, taking: false, touch })
    return hits.some((hit, index) => this.#isRefused(hit, taken.outcomes[index]!)) ? taken : undefined
  }

  /**
   * Remembers the counters of a request that was refused, as they are after it; of one that was admitted only those that are
   * remembered already. `askedAt` is when its call was written.
   */
  learn(hits: readonly Hit[], { admitted }: Taken, replay: Replay, askedAt: Micros): void {
    if (admitted && this.#remembered.size === 0) return
    for (const { counter, rule, former } of hits) {
      const key = counterKey(counter, rule.algorithm)
      if (!this.#remembered.delete(key) && admitted) continue
      // What was asked before a counter was forgotten may be of before that.
      if (askedAt <= this.#forgotAt) continue
      const state = replay.state(counter, rule, former)
      const isSettled = replay.isSettled(counter, rule)
      this.#remembered.set(key, { rule, state, isSettled, ahead: replay.now - askedAt, askedAt })
    }
    while (this.#remembered.size > mostRemembered)
      this.#remembered.delete(this.#remembered.keys().next().value!)
  }

  /** The counter of that Redis key has less in use than was known, or may have. */
  forget(key: string): void {
    this.#forgotAt = this.#clock()
    this.#remembered.delete(key)
  }

  #state({ counter, rule }: Hit): unknown {
    return this.#remembered.get(counterKey(counter, rule.algorithm))!.state
  }

  /** Whether the hit refuses its request, whatever is given back. */
  #isRefused({ counter, rule, enforced }: Hit, { admitted }: HitOutcome): boolean {
    return enforced && !admitted && this.#remembered.get(counterKey(counter, rule.algorithm))!.isSettled
  }
}
