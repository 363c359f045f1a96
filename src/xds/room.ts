/** What one peer takes of a room that all share. */
export interface Room {
  /** So many bytes more, or fewer. */
  add(bytes: number): void
  /** Whether it is to take no more. */
  isFull(): boolean
}

/**
 * Bytes that peers take of a limit. Beyond it those are full that have more than an equal part, so that one peer cannot shut
 * out the others; all of them have twice the limit at most.
 */
export class Rooms {
  readonly #limit: number
  readonly #bytes = new Map<string, number>()
  #total = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  of(peer: string): Room {
    return {
      add: (bytes) => {
        const taken = (this.#bytes.get(peer) ?? 0) + bytes
        this.#total += bytes
        if (taken === 0) this.#bytes.delete(peer)
        else this.#bytes.set(peer, taken)
      },
      isFull: () =>
        this.#total > this.#limit &&
        (this.#bytes.get(peer) ?? 0) > this.#limit / Math.max(1, this.#bytes.size),
    }
  }
}
