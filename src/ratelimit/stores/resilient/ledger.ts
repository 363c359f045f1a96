import { messageOf } from '../../../errors.ts'
import type { Micros } from '../../algorithms/algorithm.ts'
import type { BoundRule } from '../../algorithms/bound-rule.ts'
import type { Hit } from '../counter-store.ts'
import { memoKey } from '../redis/counter-key.ts'
import { type Alone, carriedOn, type Target } from './alone.ts'
import { failureKind } from './failure.ts'

/** Adds it to a counter in the store. May be called again with the same until it once resolves. */
export type Merge = (target: Target, alone: Alone) => Promise<void>

/** The store is there, and refuses to add this. */
export class MergeRefused extends Error {}

interface Entry {
  /** The last that took from a counter of the key. */
  hit: Hit
  /** What is being added, oldest first, and does not change any more. */
  sent: Alone[]
  open: { share: BoundRule; state: unknown } | undefined
  merging: Promise<void> | undefined
  /** Since when the store, which answers, refuses to add it. */
  refusedSince: Micros | undefined
}

/** A ledger that is full is looked through so often. */
const sweepEvery: Micros = 1_000_000
/** What the store refuses for so long is given up: it would never be added. */
const patience: Micros = 10_000_000
/** Merges that are in flight at once, of those that nobody waits for. */
const wave = 64

/**
 * What this replica admitted by itself and the store does not know yet, by key: an edit of the algorithm changes a key's
 * counter, and what was counted before is added to the one that it has by then. It goes with its time: of a window that
 * is over, or a bucket that is full again, there is nothing to add.
 */
export class Ledger {
  readonly #entries = new Map<string, Entry>()
  readonly #merge: Merge
  readonly #slowed: (rule: BoundRule) => BoundRule
  readonly #onGivenUp: (policy: string, error: unknown) => void
  readonly #clock: () => Micros
  readonly #most: number
  #sequence = 0
  #sweepAt: Micros = 0

  /** Beyond `most` keys nothing more is remembered. `slowed` says how a limit flows back to this replica alone. */
  constructor(options: {
    merge: Merge
    slowed: (rule: BoundRule) => BoundRule
    /** Something of the policy was not added, and will not be. */
    onGivenUp?: (policy: string, error: unknown) => void
    clock: () => Micros
    most: number
  }) {
    this.#onGivenUp = options.onGivenUp ?? (() => undefined)
    this.#slowed = options.slowed
    this.#merge = options.merge
    this.#clock = options.clock
    this.#most = options.most
  }

  get size(): number {
    return this.#entries.size
  }

  /** A hit was admitted by the rule of the share. */
  add(hit: Hit, share: BoundRule): void {
    if (hit.cost === 0) return
    const key = keyOf(hit)
    const entry = this.#entries.get(key) ?? this.#begin(key, hit)
    if (entry === undefined) return
    entry.hit = hit
    if (entry.open !== undefined && entry.open.share !== share) this.#close(entry)
    const { state, decision } = share.step(entry.open?.state, hit.cost, this.#clock())
    if (decision.admitted) {
      entry.open = { share, state }
      return
    }
    // More than the share, as where many keys had to use one counter: what does not fit is added by itself.
    this.#close(entry)
    entry.open = { share, state: share.step(undefined, hit.cost, this.#clock()).state }
  }

  /** Adds what is known of these hits' counters to the store; nothing where there is none. */
  settle(hits: readonly Pick<Hit, 'counter' | 'rule'>[]): Promise<unknown> | undefined {
    if (this.#entries.size === 0) return undefined
    const merging: Promise<void>[] = []
    for (const hit of hits) {
      const key = keyOf(hit)
      const entry = this.#entries.get(key)
      if (entry !== undefined) merging.push(this.#settle(key, entry))
    }
    return merging.length === 0 ? undefined : Promise.all(merging)
  }

  /**
   * Adds all to the store but what it refuses, which stays for a while; resolves with how many counters that were. Rejects
   * where the store fails.
   */
  async flush(): Promise<number> {
    const all = [...this.#entries]
    let refused = 0
    const settle = async ([key, entry]: (typeof all)[number]) => {
      try {
        await this.#settle(key, entry)
      } catch (error) {
        if (!(error instanceof MergeRefused)) throw error
        refused++
      }
    }
    for (let from = 0; from < all.length; from += wave) {
      await Promise.all(all.slice(from, from + wave).map(settle))
    }
    return all.length - refused
  }

  #begin(key: string, hit: Hit): Entry | undefined {
    if (this.#entries.size >= this.#most && this.#clock() >= this.#sweepAt) this.#sweep()
    if (this.#entries.size >= this.#most) return undefined
    const entry: Entry = { hit, sent: [], open: undefined, merging: undefined, refusedSince: undefined }
    this.#entries.set(key, entry)
    return entry
  }

  /** Forgets the counters of which nothing is in use any more. */
  #sweep(): void {
    const now = this.#clock()
    this.#sweepAt = now + sweepEvery
    for (const [key, { hit, sent, open, merging }] of this.#entries) {
      if (merging !== undefined) continue
      const all = open === undefined ? sent : [...sent, { sequence: 0, ...open }]
      const target = latestOf(hit)
      if (all.every((each) => this.#due(each, target) === undefined)) this.#entries.delete(key)
    }
  }

  #close(entry: Entry): void {
    if (entry.open === undefined) return
    entry.sent.push({ sequence: ++this.#sequence, ...entry.open })
    entry.open = undefined
  }

  #settle(key: string, entry: Entry): Promise<void> {
    entry.merging ??= this.#send(key, entry).finally(() => {
      entry.merging = undefined
    })
    return entry.merging
  }

  async #send(key: string, entry: Entry): Promise<void> {
    this.#close(entry)
    for (let next = entry.sent[0]; next !== undefined; next = entry.sent[0]) {
      const target = latestOf(entry.hit)
      const due = this.#due(next, target)
      if (due !== undefined) await this.#add(entry, target, due)
      entry.sent.shift()
      this.#close(entry)
    }
    if (this.#entries.get(key) === entry) this.#entries.delete(key)
  }

  async #add(entry: Entry, target: Target, due: Alone): Promise<void> {
    try {
      await this.#merge(target, due)
      entry.refusedSince = undefined
    } catch (error) {
      const since = failureKind(error) === 'other' ? (entry.refusedSince ?? this.#clock()) : undefined
      entry.refusedSince = since
      if (since === undefined) throw error
      if (this.#clock() - since < patience) throw new MergeRefused(messageOf(error), { cause: error })
      this.#onGivenUp(target.policy, error)
    }
  }

  /** What is to be added; nothing where it is over. */
  #due(alone: Alone, target: Target): Alone | undefined {
    const now = this.#clock()
    const due = carriedOn(alone, target, this.#slowed, now)
    return due.share.expiresAt(due.state) > now ? due : undefined
  }
}

/** One for all counters that a key has under its policy's algorithms. */
function keyOf({ counter, rule }: Pick<Hit, 'counter' | 'rule'>): string {
  return memoKey(counter, rule.algorithm)
}

function latestOf(hit: Hit): Target {
  return { policy: hit.policy, ...(hit.latest?.() ?? hit) }
}
