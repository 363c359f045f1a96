/** Bytes of a slab: a write's answers usually fit, some 400 of them. */
const slabBytes = 64 * 1024
/** Less than this is not worth keeping. */
const scrapBytes = 2 * 1024

const nothing = Buffer.alloc(0)

/** The rest of the slab that was written into last: whoever writes next takes it, so that idle connections hold none. */
export class Slabs {
  spare: Buffer = nothing
  spareAt = 0
}

/** What one connection is about to send. Write at `at` into `buffer` after `reserve`, and move `at` on. */
export class Output {
  buffer: Buffer = nothing
  at = 0
  #start = 0
  readonly #slabs: Slabs

  constructor(slabs: Slabs) {
    this.#slabs = slabs
  }

  get length(): number {
    return this.at - this.#start
  }

  /** Makes room for so many bytes; `buffer` and `at` may be others after it. */
  reserve(bytes: number): void {
    if (this.at + bytes > this.buffer.length) this.#grow(bytes)
  }

  #grow(bytes: number): void {
    const length = this.length
    if (length === 0) {
      const { spare, spareAt } = this.#slabs
      this.#slabs.spare = nothing
      this.#slabs.spareAt = 0
      this.buffer = spare
      this.#start = this.at = spareAt
      if (this.at + bytes <= this.buffer.length) return
    }
    // Never a part of the small buffers' pool: what was sent from there would keep it alive.
    const larger = Buffer.allocUnsafeSlow(Math.max(slabBytes, 2 * (length + bytes)))
    this.buffer.copy(larger, 0, this.#start, this.at)
    this.buffer = larger
    this.#start = 0
    this.at = length
  }

  /** What was written since the last time; nobody writes into it again. */
  take(): Buffer | undefined {
    if (this.length === 0) return undefined
    const taken = this.buffer.subarray(this.#start, this.at)
    if (this.buffer.length === slabBytes && this.buffer.length - this.at > scrapBytes) {
      this.#slabs.spare = this.buffer
      this.#slabs.spareAt = this.at
    }
    this.buffer = nothing
    this.#start = this.at = 0
    return taken
  }
}
