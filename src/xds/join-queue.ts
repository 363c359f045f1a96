import { bounds } from './bounds.ts'

interface Joiner {
  /** It has something to be sent, and waits for its turn. */
  isReady: boolean
  /** What was sent in its turns and the connection has not taken yet, and since when. */
  bytes: number
  since: number
}

/**
 * Whose turn it is among those that join, oldest first: the first ones are served completely instead of all slowly. What
 * is under way to all of them together is bounded; who takes nothing for a while is not waited for. Times are milliseconds.
 */
export class JoinQueue<Key> {
  /** Oldest first. */
  readonly #joiners = new Map<Key, Joiner>()

  get size(): number {
    return this.#joiners.size
  }

  /** It has something to be sent; who does so for the first time is the youngest. */
  ready(key: Key): void {
    const joiner = this.#joiners.get(key) ?? { isReady: true, bytes: 0, since: 0 }
    joiner.isReady = true
    this.#joiners.set(key, joiner)
  }

  /** The oldest that is ready; nothing while too much is under way. It counts as served. */
  next(now: number): Key | undefined {
    if (this.#underWay(now) >= bounds.joinBytes) return undefined
    for (const [key, joiner] of this.#joiners) {
      if (!joiner.isReady) continue
      joiner.isReady = false
      return key
    }
    return undefined
  }

  sent(key: Key, bytes: number, now: number): void {
    const joiner = this.#joiners.get(key)
    if (joiner === undefined || bytes === 0) return
    joiner.bytes += bytes
    joiner.since = now
  }

  /** All that was sent to it is taken. */
  taken(key: Key): void {
    const joiner = this.#joiners.get(key)
    if (joiner !== undefined) joiner.bytes = 0
  }

  /** It has joined, or has gone. */
  leave(key: Key): void {
    this.#joiners.delete(key)
  }

  /** In how many milliseconds one is not waited for any more, if somebody waits. */
  wakesIn(now: number): number | undefined {
    const joiners = [...this.#joiners.values()]
    if (!joiners.some(({ isReady }) => isReady)) return undefined
    const waits = joiners
      .filter(({ bytes }) => bytes > 0)
      .map(({ since }) => since + bounds.joinPatienceMs - now)
    return waits.length === 0 ? undefined : Math.max(0, Math.min(...waits.filter((wait) => wait > 0)))
  }

  #underWay(now: number): number {
    let sum = 0
    for (const { bytes, since } of this.#joiners.values()) {
      if (now - since < bounds.joinPatienceMs) sum += bytes
    }
    return sum
  }
}
