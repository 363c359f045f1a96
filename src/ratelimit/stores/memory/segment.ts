import { rowNumbers } from '../../algorithms/algorithm.ts'
import type { CounterId } from '../../identity/counter-id.ts'

const idWords = 4
/** Slots of an empty segment; always a power of two. */
const fewestSlots = 16

/**
 * A part of the counters: a table of rows with open addressing and linear probing, in typed arrays, so that the garbage
 * collector has nothing to walk through. A row stays in its slot until the next `insert` or `remove`, which may move
 * any row of the segment: deletion shifts rows back and leaves no tombstones.
 */
export class Segment {
  rows = 0
  /** When the row says no more than no row, in microseconds. 0 marks an empty slot. */
  expires!: Float64Array
  /** `rowNumbers` a slot: the packed state, the largest time seen first. */
  numbers!: Float64Array
  /** The owner's mark, of 32 bits. */
  tags!: Uint32Array
  #ids!: Int32Array
  #mask!: number

  constructor() {
    this.#allocate(fewestSlots)
  }

  get slots(): number {
    return this.expires.length
  }

  idAt(slot: number): CounterId {
    const ids = this.#ids
    const word = slot * idWords
    return { a: ids[word]!, b: ids[word + 1]!, c: ids[word + 2]!, d: ids[word + 3]! }
  }

  /** The slot of a row; -1 where there is none. */
  find({ a, b, c, d }: CounterId): number {
    const ids = this.#ids
    const mask = this.#mask
    for (let slot = b & mask; this.expires[slot] !== 0; slot = (slot + 1) & mask) {
      const word = slot * idWords
      if (ids[word] === a && ids[word + 1] === b && ids[word + 2] === c && ids[word + 3] === d) return slot
    }
    return -1
  }

  /** Adds a row that is not there, its numbers as they happen to be; answers with its slot. */
  insert(id: CounterId, expiresAt: number, tag: number): number {
    if ((this.rows + 1) * 4 > this.slots * 3) this.#resize(this.slots * 2)
    return this.#place(id.a, id.b, id.c, id.d, expiresAt, tag)
  }

  /** Empties a slot that holds a row. What followed it may be in it then. */
  remove(slot: number): void {
    const { expires, numbers, tags } = this
    const ids = this.#ids
    const mask = this.#mask
    let gap = slot
    for (let next = (gap + 1) & mask; expires[next] !== 0; next = (next + 1) & mask) {
      const home = ids[next * idWords + 1]! & mask
      // A row that was placed behind the gap only because that was taken moves into it.
      if (((next - home) & mask) < ((next - gap) & mask)) continue
      expires[gap] = expires[next]!
      tags[gap] = tags[next]!
      ids.copyWithin(gap * idWords, next * idWords, (next + 1) * idWords)
      numbers.copyWithin(gap * rowNumbers, next * rowNumbers, (next + 1) * rowNumbers)
      gap = next
    }
    expires[gap] = 0
    this.rows--
    if (this.slots > fewestSlots && this.rows * 8 < this.slots) this.#resize(this.slots / 2)
  }

  #place(a: number, b: number, c: number, d: number, expiresAt: number, tag: number): number {
    let slot = b & this.#mask
    while (this.expires[slot] !== 0) slot = (slot + 1) & this.#mask
    const word = slot * idWords
    this.#ids[word] = a
    this.#ids[word + 1] = b
    this.#ids[word + 2] = c
    this.#ids[word + 3] = d
    this.expires[slot] = Math.max(1, expiresAt)
    this.tags[slot] = tag
    this.rows++
    return slot
  }

  #resize(slots: number): void {
    const { expires, numbers, tags } = this
    const ids = this.#ids
    this.#allocate(slots)
    for (let slot = 0; slot < expires.length; slot++) {
      const expiresAt = expires[slot]!
      if (expiresAt === 0) continue
      const word = slot * idWords
      const placed = this.#place(
        ids[word]!,
        ids[word + 1]!,
        ids[word + 2]!,
        ids[word + 3]!,
        expiresAt,
        tags[slot]!,
      )
      for (let index = 0; index < rowNumbers; index++) {
        this.numbers[placed * rowNumbers + index] = numbers[slot * rowNumbers + index]!
      }
    }
  }

  /** Empty slots, all arrays in one block of memory. */
  #allocate(slots: number): void {
    const doubles = slots * (rowNumbers + 1)
    const block = new ArrayBuffer(doubles * 8 + slots * (idWords + 1) * 4)
    this.rows = 0
    this.numbers = new Float64Array(block, 0, slots * rowNumbers)
    this.expires = new Float64Array(block, slots * rowNumbers * 8, slots)
    this.#ids = new Int32Array(block, doubles * 8, slots * idWords)
    this.tags = new Uint32Array(block, doubles * 8 + slots * idWords * 4, slots)
    this.#mask = slots - 1
  }
}
