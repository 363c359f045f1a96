import type { Stream } from './stream.ts'

/** Ids of streams that we reset last: what was on its way then is ignored, RFC 9113 section 5.1. */
const rememberedResets = 1_024

/** The streams of a connection by id, and what is known of those that are closed. */
export class StreamTable {
  /** The highest id that the peer has used. */
  lastId = 0
  readonly #open = new Map<number, Stream>()
  /** The stream that was asked for last: DATA follows its HEADERS. */
  #latest: Stream | undefined
  #resets: Int32Array | undefined
  #resetAt = 0
  /** The last ids that the peer skipped, from after the one up to before the other. */
  #skippedAfter = 0
  #skippedBefore = 0

  get size(): number {
    return this.#open.size
  }

  values(): Iterable<Stream> {
    return this.#open.values()
  }

  find(id: number): Stream | undefined {
    if (this.#latest !== undefined && this.#latest.id === id) return this.#latest
    this.#latest = this.#open.get(id)
    return this.#latest
  }

  /** A new id, which is higher than all before. */
  use(id: number): void {
    if (id > this.lastId + 2) {
      this.#skippedAfter = this.lastId
      this.#skippedBefore = id
    }
    this.lastId = id
  }

  add(stream: Stream): void {
    this.#open.set(stream.id, stream)
    this.#latest = stream
  }

  remove(stream: Stream): void {
    this.#open.delete(stream.id)
    if (this.#latest === stream) this.#latest = undefined
  }

  /** Whether the peer skipped this id when it last skipped any, so that it can never be used (section 5.1.1). */
  wasSkipped(id: number): boolean {
    return id > this.#skippedAfter && id < this.#skippedBefore
  }

  rememberReset(id: number): void {
    this.#resets ??= new Int32Array(rememberedResets)
    this.#resets[this.#resetAt] = id
    this.#resetAt = (this.#resetAt + 1) % rememberedResets
  }

  wasReset(id: number): boolean {
    return this.#resets?.includes(id) ?? false
  }
}
