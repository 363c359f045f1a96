import type { EncodedResource } from '../envoy-api/encoded.ts'
import type { Bisect } from './bisect.ts'
import type { Batch, Pending, Permit } from './exchange.ts'
import { asked } from './held.ts'
import type { Ledger } from './ledger.ts'
import { type Comparison, compare } from './pending.ts'

/** What a client lacks of one type, compared anew when something changed, and what of it may go now. */
export class Lack {
  readonly #ledger: Ledger
  readonly #bisect: Bisect
  readonly #view: () => Comparison
  #pending: Pending = { upserts: [], shrinks: [], absences: [], removals: [] }

  constructor(ledger: Ledger, bisect: Bisect, view: () => Comparison) {
    this.#ledger = ledger
    this.#bisect = bisect
    this.#view = view
  }

  /** `busy` while a response is on its way. */
  pending(busy: boolean): Pending {
    if (!this.#ledger.stale) return this.#pending
    this.#ledger.stale = false
    const view = this.#view()
    this.#pending = compare(view)
    // Up to date: what is held can be said by reference to the shared snapshot.
    if (view.dirty.size === 0 && !busy) view.held.rebase(view.resources, view.refused.names)
    return this.#pending
  }

  /**
   * What may go while no response is on its way. Where a cluster waits for a name of which the newest version is refused,
   * or for one that is gone and that cannot be said, it is restored to the version that the client accepted last; that is
   * what it has then, so that it need not be sent once more.
   */
  batch(permit: Permit, saysAbsence: boolean): Batch {
    const { upserts, shrinks, absences: all, removals } = this.pending(false)
    const restored = this.#restored(all, saysAbsence)
    const kept = new Set(restored.map(({ name }) => name))
    const absences = all.filter((name) => !kept.has(name))
    const removed = [...absences, ...(permit.removals ? removals : [])]
    const news = permit.removals ? [...upserts, ...shrinks] : upserts
    return { upserts: this.#permitted(news, permit.upserts), removed, absences, restored, standIns: [] }
  }

  #restored(absences: readonly string[], saysAbsence: boolean): EncodedResource[] {
    const { held, resources, warms } = this.#view()
    const names = warms ? absences.filter((name) => !saysAbsence || resources.has(name)) : []
    return names.map((name) => held.last(name)).filter((last) => typeof last === 'object')
  }

  #permitted(upserts: readonly EncodedResource[], permit: Permit['upserts']): readonly EncodedResource[] {
    const { held, refused } = this.#view()
    if (permit === 'all') return refused.order(upserts, (fresh) => this.#bisect.narrow(fresh))
    if (permit === 'none' || this.#bisect.searching) return []
    return refused.order(upserts.filter(({ name }) => held.get(name) === asked))
  }
}
