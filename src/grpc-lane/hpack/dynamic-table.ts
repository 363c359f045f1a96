import type { Field } from './field.ts'

/** The fields that a peer had us remember (RFC 7541 section 2.3.2), in a ring that grows with them. */
export class DynamicTable {
  /** Changes whenever an index may come to stand for another field. */
  version = 0
  #ring: (Field | undefined)[] = []
  /** Where the newest is. */
  #newest = 0
  #length = 0
  #size = 0
  #maxSize: number

  /** @param maxSize bytes, as `Field.size` counts them */
  constructor(maxSize: number) {
    this.#maxSize = maxSize
  }

  get length(): number {
    return this.#length
  }

  get size(): number {
    return this.#size
  }

  /** The newest is 0. */
  at(index: number): Field | undefined {
    if (index >= this.#length) return undefined
    return this.#ring[(this.#newest - index) & (this.#ring.length - 1)]
  }

  /** Evicts what does not fit any more; a field larger than the table leaves it empty (RFC 7541 section 4.4). */
  insert(field: Field): void {
    this.version++
    const size = field.size
    this.#evictTo(this.#maxSize - size)
    if (size > this.#maxSize) return
    if (this.#length === this.#ring.length) this.#grow()
    this.#newest = (this.#newest + 1) & (this.#ring.length - 1)
    this.#ring[this.#newest] = field
    this.#length++
    this.#size += size
  }

  /** As after a field that is larger than the table. */
  clear(): void {
    this.version++
    this.#evictTo(0)
  }

  resize(maxSize: number): void {
    this.version++
    this.#maxSize = maxSize
    this.#evictTo(maxSize)
  }

  #evictTo(size: number): void {
    while (this.#size > size && this.#length > 0) {
      const oldest = (this.#newest - this.#length + 1) & (this.#ring.length - 1)
      this.#size -= this.#ring[oldest]!.size
      this.#ring[oldest] = undefined
      this.#length--
    }
  }

  #grow(): void {
    const inOrder = Array.from({ length: this.#length }, (_, index) => this.at(this.#length - 1 - index))
    const room = new Array<undefined>(Math.max(8, this.#length)).fill(undefined)
    this.#newest = this.#length - 1
    this.#ring = [...inOrder, ...room]
  }
}
