/** Texts that recur, as they are written; all are forgotten when there are more. */
const keptTexts = 256

/**
 * Writes a serialized message from its end to its start, so that the length of what a field holds is known when it is
 * written, with nothing to be copied or measured before.
 */
export class Writer {
  #bytes = Buffer.allocUnsafeSlow(4_096)
  #at = this.#bytes.length
  readonly #texts = new Map<string, Buffer>()

  clear(): void {
    this.#at = this.#bytes.length
  }

  /** What was written since it was cleared, until it is again. */
  written(): Buffer {
    return this.#bytes.subarray(this.#at)
  }

  /** Bytes written so far, by which a message that is written next knows its length. */
  get length(): number {
    return this.#bytes.length - this.#at
  }

  /** The tag of a field, whose value was written before; below field 16 it is one byte. */
  tag(field: number, wireType: number): void {
    this.uint(field * 8 + wireType)
  }

  /** The tag and the length of what was written since `length` was `before`. */
  message(field: number, before: number): void {
    this.uint(this.length - before)
    this.tag(field, 2)
  }

  /** A whole number from 0 to 2^53. */
  uint(value: number): void {
    if (value < 0x80) {
      const at = this.#before(1)
      this.#bytes[at] = value
    } else this.#long(value)
  }

  #long(value: number): void {
    let size = 1
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++
    let at = this.#before(size)
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[at++] = (rest % 0x80) | 0x80
    this.#bytes[at] = rest
  }

  double(value: number): void {
    const at = this.#before(8)
    this.#bytes.writeDoubleLE(value, at)
  }

  text(field: number, text: string): void {
    const before = this.length
    if (!this.#ascii(text)) {
      const size = Buffer.byteLength(text)
      const at = this.#before(size)
      this.#bytes.write(text, at, size)
    }
    this.message(field, before)
  }

  /** A text of which the same few come again and again. */
  recurring(field: number, text: string): void {
    const known = this.#texts.get(text) ?? this.#keep(text)
    const { length } = known
    const at = this.#before(length)
    const bytes = this.#bytes
    for (let index = 0; index < length; index++) bytes[at + index] = known[index]!
    this.uint(length)
    this.tag(field, 2)
  }

  #keep(text: string): Buffer {
    if (this.#texts.size === keptTexts) this.#texts.clear()
    const bytes = Buffer.from(text)
    this.#texts.set(text, bytes)
    return bytes
  }

  bytes(field: number, bytes: Uint8Array): void {
    const before = this.length
    const at = this.#before(bytes.length)
    this.#bytes.set(bytes, at)
    this.message(field, before)
  }

  /** Whether it is, and written: for the short texts of headers that is faster than a call of Node. */
  #ascii(text: string): boolean {
    const { length } = text
    const at = this.#before(length)
    const bytes = this.#bytes
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index)
      if (code >= 0x80) {
        this.#at += length
        return false
      }
      bytes[at + index] = code
    }
    return true
  }

  /** Where the next `size` bytes go. */
  #before(size: number): number {
    if (size > this.#at) this.#grow(size)
    this.#at -= size
    return this.#at
  }

  #grow(size: number): void {
    const grown = Buffer.allocUnsafeSlow(2 * (this.#bytes.length + size))
    const at = grown.length - this.length
    this.#bytes.copy(grown, at, this.#at)
    this.#bytes = grown
    this.#at = at
  }
}
