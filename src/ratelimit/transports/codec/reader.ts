import { createNames } from './names.ts'

/** Thrown within the codec for bytes that are no message: no error, whose stack a peer could have made at will. */
export const malformed = Symbol('malformed')

/** As protobufjs has it. */
const deepestGroup = 100

/**
 * Reads the parts of one serialized message (Protocol Buffers, "Encoding"), and takes for right what protobufjs takes for
 * right: a known field is read as its declared type whatever its wire type is, and a text that would end behind its
 * message ends with it.
 */
export class Reader {
  /** Where the message ends that is being read, one within another. */
  end = 0
  at = 0
  #bytes: Buffer = Buffer.alloc(0)
  readonly #names = createNames('utf8')
  readonly #values = createNames('latin1')

  open(bytes: Buffer): void {
    this.#bytes = bytes
    this.at = 0
    this.end = bytes.length
  }

  /** Begins a message within this one; what it returns is for `leave`. */
  enter(): number {
    const outer = this.end
    this.end = this.#after(this.uint32())
    return outer
  }

  leave(outer: number): void {
    if (this.at !== this.end) throw malformed
    this.end = outer
  }

  /** The low 32 bits of a number. */
  uint32(): number {
    if (this.at < this.end) {
      const first = this.#bytes[this.at]!
      if (first < 0x80) {
        this.at++
        return first
      }
    }
    return this.end - this.at < 5 ? this.#uint32NearEnd() : this.#uint32()
  }

  #uint32(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.at++]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    // What has more than five bytes has ten.
    this.at = this.#after(5)
    return value >>> 0
  }

  #uint32NearEnd(): number {
    let value = 0
    for (let shift = 0; shift < 28 && this.at < this.end; shift += 7) {
      const byte = this.#bytes[this.at++]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw malformed
  }

  /** Exact up to 2^53. */
  uint64(): number {
    if (this.end - this.at < 5) return this.#uint64NearEnd()
    let low = 0
    let high = 0
    for (let index = 0; index < 10 && this.at < this.end; index++) {
      const byte = this.#bytes[this.at++]!
      if (index < 5) low |= (byte & 0x7f) << (7 * index)
      if (index === 4) high = (byte & 0x7f) >>> 4
      if (index > 4) high |= (byte & 0x7f) << (7 * index - 32)
      if (byte < 0x80) return (high >>> 0) * 2 ** 32 + (low >>> 0)
    }
    throw malformed
  }

  /** A fourth byte is the last one, and whether it is there is left to the end of the message. */
  #uint64NearEnd(): number {
    let value = 0
    for (let shift = 0; shift < 21; shift += 7) {
      if (this.at >= this.end) throw malformed
      const byte = this.#bytes[this.at++]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    return value | ((this.#bytes[this.at++]! & 0x7f) << 21)
  }

  /** UTF-8, with U+FFFD for what is none; a text that recurs. */
  name(): string {
    const length = this.uint32()
    const from = this.at
    this.at = Math.min(from + length, this.end)
    return this.#names(this.#bytes, from, this.at)
  }

  /** Bytes as a latin1 string. What `recurs` is kept in memory for a time. */
  bytes(recurs: boolean): string {
    const length = this.uint32()
    const from = this.at
    this.at = this.#after(length)
    if (recurs) return this.#values(this.#bytes, from, this.at)
    return this.#bytes.toString('latin1', from, this.at)
  }

  /** Passes over the value of an unknown field; `depth` is that of its message. */
  skip(wireType: number, depth: number): void {
    if (depth > deepestGroup) throw malformed
    switch (wireType) {
      case 0:
        this.#skipNumber()
        return
      case 1:
        this.at = this.#after(8)
        return
      case 2:
        this.at = this.#after(this.uint32())
        return
      case 3:
        for (let inner = this.uint32() & 7; inner !== 4; inner = this.uint32() & 7)
          this.skip(inner, depth + 1)
        return
      case 5:
        this.at = this.#after(4)
        return
      default:
        throw malformed
    }
  }

  /** Of any length. */
  #skipNumber(): void {
    while (this.at < this.end) if (this.#bytes[this.at++]! < 0x80) return
    throw malformed
  }

  #after(length: number): number {
    const after = this.at + length
    if (after > this.end) throw malformed
    return after
  }
}
