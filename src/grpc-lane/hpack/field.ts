/**
 * A header field. Each character stands for one byte, so that lengths are the lengths on the wire.
 */
export class Field {
  readonly name: string
  readonly value: string
  /** What the reader of headers made of it, so that a field of a table is judged once; 0 until then. */
  meaning = 0

  constructor(name: string, value: string) {
    this.name = name
    this.value = value
  }

  /** As tables and lists count it, RFC 7541 section 4.1. */
  get size(): number {
    return this.name.length + this.value.length + 32
  }
}
