import { bounds } from './bounds.ts'

interface Joiner {
  /** It has something to be sent, and waits for its turn. */
  isReady: boolean
  /** What was sent in its turns and it has not answered yet, and since when; whether its connection has taken that. */
  bytes: number
  since: number
  isTaken: boolean
}

/**
 * Whose turn it is among those that join, oldest first: the first ones are served completely instead of all slowly. What
 * is under way to all of them together is bounded; who takes nothing, or gives no answer, is waited for a while only: most
 * of that time an Envoy is at work on what it has. Times are milliseconds.
 */
export class JoinQueue<Key> {
  /** Oldest first. */
  readonly #joiners = new Map<Key, Joiner>()

  get size(): number {
    return this.#joiners.size
  }

  /** It has something to be sent; who does so for the first time is the youngest. */
  ready(key: Key): void {
    const joiner = this.#joiners.get(key) ?? { isReady: true, bytes: 0, since: 0, isTaken: true }
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
    joiner.isTaken = false
  }

  /** Its connection has taken all that was sent to it. */
  taken(key: Key): void {
    const joiner = this.#joiners.get(key)
    if (joiner !== undefined) joiner.isTaken = true
  }

  /** It has all that was sent to it. */
  answered(key: Key): void {
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
    const waits = joiners.map((joiner) => waitedFor(joiner, now)).filter((wait) => wait > 0)
    return waits.length === 0 ? undefined : Math.min(...waits)
  }

  #underWay(now: number): number {
    let sum = 0
    for (const joiner of this.#joiners.values()) if (waitedFor(joiner, now) > 0) sum += joiner.bytes
    return sum
  }
}

/** For how much longer. */
function waitedFor({ bytes, since, isTaken }: Joiner, now: number): number {
  return bytes === 0 ? 0 : since + (isTaken ? bounds.joinAnswerMs : bounds.joinTakeMs) - now
}
