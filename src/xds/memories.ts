import { bounds } from './bounds.ts'
import { put, StreamMemory } from './memory.ts'
import type { Identity } from './node.ts'
import { Recent } from './recent.ts'
import type { RetryClock } from './retry.ts'

/** The place of one live stream among those of its node. */
export interface Seat {
  readonly memory: StreamMemory
  /** Puts in doubt what the stream sent and has no answer to; called before another stream copies its memory. */
  doubtUnanswered: () => void
  /** The stream is over, and all that it leaves in doubt is noted. */
  leave(): void
}

interface Left {
  readonly memory: StreamMemory
  /** Several Envoys had this id at once: what one of them settles is not settled for the others. */
  readonly shared: boolean
  /** When it is forgotten, in milliseconds. */
  readonly until: number
}

interface Node {
  readonly seats: Set<Seat>
  shared: boolean
}

/**
 * What streams that ended left behind, to be honoured on the next stream of the same node and build: another build
 * of Envoy may well accept what this one refused.
 *
 * Each live stream has a memory of its own, since two Envoys may have one id by mistake: what the one refuses or
 * accepts says nothing of the other. And since the older of two streams may also be the former connection of
 * the very same Envoy, not noticed to be dead yet, a new stream takes over the doubts of the others; that costs a
 * resource sent twice at worst. It does not take their rejections, nor do those outlive a stream that others survive.
 */
export class Memories {
  readonly recent = new Recent()
  readonly #clock: Pick<RetryClock, 'now' | 'random'>
  readonly #live = new Map<string, Node>()
  /** Oldest first. */
  readonly #left = new Map<string, Left>()
  #bytes = 0

  constructor(clock: Pick<RetryClock, 'now' | 'random'>) {
    this.#clock = clock
  }

  /** What all memories take, by estimate. */
  get bytes(): number {
    return this.#bytes
  }

  open({ gateway, id, version }: Pick<Identity, 'gateway' | 'id' | 'version'>): Seat {
    const key = JSON.stringify([gateway, id, version])
    this.#forgetOld()
    const memory = this.#blank()
    const left = this.#left.get(key)
    const node = this.#live.get(key) ?? { seats: new Set(), shared: left?.shared === true }
    if (left !== undefined) {
      memory.absorbDoubts(left.memory)
      if (node.seats.size === 0) memory.absorbRejections(left.memory)
    }
    for (const other of node.seats) {
      other.doubtUnanswered()
      memory.absorbDoubts(other.memory)
    }
    if (node.seats.size > 0) node.shared = true
    if (!node.shared) this.#forget(key)
    const seat: Seat = { memory, doubtUnanswered: () => {}, leave: () => this.#leave(key, node, seat) }
    node.seats.add(seat)
    this.#live.set(key, node)
    return seat
  }

  #leave(key: string, node: Node, seat: Seat): void {
    if (!node.seats.delete(seat)) return
    const last = node.seats.size === 0
    if (last) this.#live.delete(key)
    const memory = node.shared ? this.#merged(key, seat.memory, last) : seat.memory
    const until = this.#clock.now() + bounds.memoryMs
    put(this.#left, key, { memory, shared: node.shared, until }, bounds.nodesRemembered)?.memory.release()
    this.#forgetOld()
  }

  #merged(key: string, leaving: StreamMemory, last: boolean): StreamMemory {
    const memory = this.#left.get(key)?.memory ?? this.#blank()
    memory.absorbDoubts(leaving)
    if (last) {
      memory.forgetRejections(() => false)
      memory.absorbRejections(leaving)
    }
    leaving.release()
    return memory
  }

  #blank(): StreamMemory {
    const room = {
      take: (bytes: number) => {
        this.#bytes += bytes
      },
      over: () => {
        while (this.#bytes > bounds.memoryBytes && this.#forgetOldest()) {}
        return this.#bytes > bounds.memoryBytes
      },
    }
    return new StreamMemory(this.#clock, room, this.recent)
  }

  #forgetOld(): void {
    const now = this.#clock.now()
    for (const [key, { until }] of this.#left) {
      if (until > now && this.#bytes <= bounds.memoryBytes) return
      this.#forget(key)
    }
  }

  #forgetOldest(): boolean {
    const oldest = this.#left.keys().next()
    if (oldest.done) return false
    this.#forget(oldest.value)
    return true
  }

  #forget(key: string): void {
    this.#left.get(key)?.memory.release()
    this.#left.delete(key)
  }
}
