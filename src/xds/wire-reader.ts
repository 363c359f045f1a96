/**
 * Reads the fields of a protobuf message one by one (protobuf docs: "Encoding"), for messages of which most is to be
 * passed over unread. Throws `RangeError` for what is no message.
 */
export class WireReader {
  readonly #bytes: Buffer
  readonly #end: number
  #at: number
  /** Number of the field that `next` came to. */
  field = 0
  #wireType = 0
  #length = 0

  constructor(bytes: Buffer, start = 0, end: number = bytes.length) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  /** Comes to the next field; false at the end. What was not read of the one before is passed over. */
  next(): boolean {
    this.#at += this.#length
    this.#length = 0
    if (this.#at >= this.#end) {
      if (this.#at > this.#end) throw new RangeError('a field is cut off')
      return false
    }
    const tag = this.#varint()
    this.field = Math.floor(tag / 8)
    this.#wireType = tag % 8
    this.#length = this.#lengthOf(this.#wireType)
    if (this.#at + this.#length > this.#end) throw new RangeError('a field is cut off')
    return true
  }

  /** The message or bytes in a field of that kind. */
  message(): WireReader {
    this.#expect(2)
    return new WireReader(this.#bytes, this.#at, this.#at + this.#length)
  }

  bytes(): Buffer {
    this.#expect(2)
    return this.#bytes.subarray(this.#at, this.#at + this.#length)
  }

  text(): string {
    this.#expect(2)
    return this.#bytes.toString('utf8', this.#at, this.#at + this.#length)
  }

  /** A `double`. */
  double(): number {
    this.#expect(1)
    return this.#bytes.readDoubleLE(this.#at)
  }

  /** A `fixed64` or `sfixed64`, exact from -2^53 to 2^53. */
  fixed64(): number {
    this.#expect(1)
    return Number(this.#bytes.readBigInt64LE(this.#at))
  }

  /** A varint, exact up to 2^53. */
  integer(): number {
    this.#expect(0)
    const before = this.#at
    const value = this.#varint()
    this.#at = before
    return value
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) throw new RangeError(`field ${this.field} is of another type`)
  }

  #lengthOf(wireType: number): number {
    if (wireType === 0) {
      const before = this.#at
      this.#varint()
      const length = this.#at - before
      this.#at = before
      return length
    }
    if (wireType === 1) return 8
    if (wireType === 2) return this.#varint()
    if (wireType === 5) return 4
    throw new RangeError(`there is no wire type ${wireType}`)
  }

  #varint(): number {
    let value = 0
    for (let factor = 1, count = 0; count < 10; count++, factor *= 128) {
      if (this.#at >= this.#end) throw new RangeError('a number is cut off')
      const byte = this.#bytes[this.#at++]!
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
    throw new RangeError('a number is too long')
  }
}
