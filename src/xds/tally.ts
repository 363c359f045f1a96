/** How many of a thing each peer has, bounded for each and in all, so that one peer cannot take what is there for others. */
export class Tally {
  readonly #ofPeer: number
  readonly #inAll: number
  readonly #counts = new Map<string, number>()
  #total = 0

  constructor(ofPeer: number, inAll: number) {
    this.#ofPeer = ofPeer
    this.#inAll = inAll
  }

  /** One more, until the function is called that this returns; or which bound that would break. */
  enter(peer: string): (() => void) | 'of this address' | 'in all' {
    const count = this.#counts.get(peer) ?? 0
    if (count >= this.#ofPeer) return 'of this address'
    if (this.#total >= this.#inAll) return 'in all'
    this.#counts.set(peer, count + 1)
    this.#total++
    let left = false
    return () => {
      if (left) return
      left = true
      this.#total--
      const rest = this.#counts.get(peer)! - 1
      if (rest === 0) this.#counts.delete(peer)
      else this.#counts.set(peer, rest)
    }
  }
}
