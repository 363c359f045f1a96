import type { Micros } from '../../algorithms/algorithm.ts'

/** A policy that holds counters. */
export interface Holder {
  readonly policy: string
  /** A small number that stands for it while it holds any. */
  readonly index: number
  held: number
  /** When its rules were edited last; -1 where they were not since it holds any. */
  editedAt: Micros
  /** Until when counters that were not used since the edit stay. */
  keptUntil: Micros
  /** Counters not used since then were over at the last edit, which brings none of them back, swept or not. */
  overSince: Micros
}

/** How many counters each policy holds of a store, and whether it may have another. */
export class Shares {
  #byPolicy = new Map<string, Holder>()
  #byIndex: (Holder | undefined)[] = []
  #free: number[] = []
  readonly #maxCounters: number

  constructor(maxCounters: number) {
    this.#maxCounters = maxCounters
  }

  /** Counters that a store never holds more of, but for the overflow counter of each policy. */
  get bound(): number {
    return 2 * this.#maxCounters
  }

  /** Whether a policy may have a new counter in a store that holds so many; `maxCounters` of the store says the rule. */
  admits(policy: string, counters: number): boolean {
    if (counters < this.#maxCounters) return true
    const own = this.#byPolicy.get(policy)?.held ?? 0
    const holders = this.#byPolicy.size + (own === 0 ? 1 : 0)
    return own < this.#maxCounters / holders && counters < this.bound
  }

  at(index: number): Holder {
    return this.#byIndex[index]!
  }

  list(): readonly Holder[] {
    return [...this.#byPolicy.values()]
  }

  /** The policy's rules are edited now: counters of it that are not used from here on stay until then at least. */
  keep(policy: string, until: Micros, now: Micros): void {
    const holder = this.#byPolicy.get(policy)
    if (holder === undefined) return
    if (holder.keptUntil <= now) holder.overSince = holder.editedAt
    holder.editedAt = Math.max(holder.editedAt, now)
    holder.keptUntil = Math.max(holder.keptUntil, until)
  }

  /** Counts one more for the policy. */
  add(policy: string): Holder {
    let holder = this.#byPolicy.get(policy)
    if (holder === undefined) {
      const index = this.#free.pop() ?? this.#byIndex.length
      holder = { policy, index, held: 0, editedAt: -1, keptUntil: 0, overSince: -1 }
      this.#byPolicy.set(policy, holder)
      this.#byIndex[index] = holder
    }
    holder.held++
    return holder
  }

  /** Counts one less. A policy without counters is forgotten, so that no name of one that is no more stays. */
  release(index: number): void {
    const holder = this.at(index)
    if (--holder.held > 0) return
    this.#byPolicy.delete(holder.policy)
    this.#byIndex[index] = undefined
    this.#free.push(index)
  }
}
