import type { Bounds } from './bounds.ts'

/** Whether a peer is still there: who has been silent for a while is asked by a PING. */
export class Keepalive {
  /** When anything came last. */
  heardAt: number
  #askedAt = Number.NEGATIVE_INFINITY
  readonly #bounds: Bounds

  constructor(bounds: Bounds, now: number) {
    this.#bounds = bounds
    this.heardAt = now
  }

  /** What is due: to ask, or to give the peer up. */
  due(now: number): 'ask' | 'give_up' | undefined {
    const { idleMs, pingMs } = this.#bounds
    if (this.#askedAt >= this.heardAt) return now - this.#askedAt > pingMs ? 'give_up' : undefined
    if (now - this.heardAt <= idleMs) return undefined
    this.#askedAt = now
    return 'ask'
  }
}
