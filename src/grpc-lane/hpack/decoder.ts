import { compressionViolation } from '../violation.ts'
import { DynamicTable } from './dynamic-table.ts'
import { Field } from './field.ts'
import { huffmanDecode } from './huffman.ts'
import { firstDynamicIndex, staticTable } from './static-table.ts'

/** Is given the fields of a block, in order. */
export interface FieldSink {
  field(field: Field): void
  /** A field whose value is too long to be looked at. */
  skipped(name: string): void
}

const nothing = Buffer.alloc(0)

/** Where a block ends within a field, or a part of it does: the rest of that comes with the next one. */
const cutShort = compressionViolation('a block that ends within a field')

/**
 * Decodes blocks of headers (RFC 7541), in parts as they come: what is kept between two is at most a field's name and value of
 * `fieldBytes` each. A longer value is thrown away as it comes. What is not valid is a Violation: the table could not be
 * trusted any more.
 */
export class Decoder {
  readonly table: DynamicTable
  readonly #tableBytes: number
  readonly #fieldBytes: number
  #at = 0
  /** The beginning of a field whose end has not come. */
  #rest = nothing
  /** Bytes of a long value that have not come. */
  #skip = 0
  /** Of the block that is being decoded: whether it has had a field, and changes of the table's size. */
  #begun = false
  #sizeUpdates = 0

  /**
   * @param tableBytes what SETTINGS_HEADER_TABLE_SIZE of ours says
   * @param fieldBytes of a name or a value as it comes, beyond which none is read. The longest code of a character has 30 bits,
   *   so that a string of four times `tableBytes` does not fit into the table, whatever it says
   */
  constructor(tableBytes: number, fieldBytes: number) {
    this.table = new DynamicTable(tableBytes)
    this.#tableBytes = tableBytes
    this.#fieldBytes = Math.max(fieldBytes, 4 * tableBytes)
  }

  /** Bytes that are kept until the next part comes. */
  get kept(): number {
    return this.#rest.length
  }

  /** @param ends whether the block ends with this part */
  decode(part: Buffer, start: number, end: number, ends: boolean, sink: FieldSink): void {
    if (this.#rest.length === 0) this.#decodePart(part, start, end, ends, sink)
    else {
      const whole = Buffer.concat([this.#rest, part.subarray(start, end)])
      this.#rest = nothing
      this.#decodePart(whole, 0, whole.length, ends, sink)
    }
    if (!ends) return
    if (this.#skip > 0) throw cutShort
    this.#begun = false
    this.#sizeUpdates = 0
  }

  #decodePart(part: Buffer, start: number, end: number, ends: boolean, sink: FieldSink): void {
    const skipped = Math.min(this.#skip, end - start)
    this.#skip -= skipped
    let at = start + skipped
    try {
      while (at < end) {
        this.#at = at
        this.#next(part, end, sink)
        at = this.#at
      }
    } catch (error) {
      if (error !== cutShort || ends) throw error
      this.#rest = Buffer.from(part.subarray(at, end))
    }
  }

  #next(block: Buffer, end: number, sink: FieldSink): void {
    const first = block[this.#at]!
    if ((first & 0xe0) === 0x20) {
      this.#resize(block, end)
      return
    }
    if ((first & 0x80) !== 0) sink.field(this.#indexed(block, end))
    else this.#literal(block, end, first, sink)
    this.#begun = true
  }

  /** RFC 7541 section 4.2: at the beginning of a block only, and two are enough to say the lowest and the last. */
  #resize(block: Buffer, end: number): void {
    const size = this.#integer(block, end, 0x1f)
    if (this.#begun || ++this.#sizeUpdates > 2) {
      throw compressionViolation('a table size update in the middle of a block')
    }
    if (size > this.#tableBytes) throw compressionViolation('a table size update beyond the setting')
    this.table.resize(size)
  }

  #indexed(block: Buffer, end: number): Field {
    return this.#field(this.#integer(block, end, 0x7f))
  }

  #field(index: number): Field {
    const field = index < firstDynamicIndex ? staticTable[index] : this.table.at(index - firstDynamicIndex)
    if (index === 0 || field === undefined) throw compressionViolation('an index that nothing has')
    return field
  }

  /** With incremental indexing (01), without (0000), never indexed (0001): RFC 7541 section 6.2. */
  #literal(block: Buffer, end: number, first: number, sink: FieldSink): void {
    const indexing = (first & 0x40) !== 0
    const index = this.#integer(block, end, indexing ? 0x3f : 0x0f)
    const name = index === 0 ? this.#string(block, end) : this.#field(index).name
    if (name === undefined) throw compressionViolation('a name longer than any')
    const value = this.#string(block, end)
    if (value === undefined) {
      if (indexing) this.table.clear()
      sink.skipped(name)
      return
    }
    const field = new Field(name, value)
    if (indexing) this.table.insert(field)
    sink.field(field)
  }

  /** Undefined where it is too long: as much of it as is not here is skipped. */
  #string(block: Buffer, end: number): string | undefined {
    if (this.#at >= end) throw cutShort
    const huffman = (block[this.#at]! & 0x80) !== 0
    const length = this.#integer(block, end, 0x7f)
    const start = this.#at
    if (length > this.#fieldBytes) {
      this.#at = Math.min(end, start + length)
      this.#skip = start + length - this.#at
      return undefined
    }
    if (length > end - start) throw cutShort
    this.#at = start + length
    if (!huffman) return block.toString('latin1', start, this.#at)
    const text = huffmanDecode(block, start, this.#at)
    if (text === undefined) throw compressionViolation('a string that is no Huffman code')
    return text
  }

  /** RFC 7541 section 5.1; beyond 28 bits nothing makes sense here. */
  #integer(block: Buffer, end: number, mask: number): number {
    let value = block[this.#at++]! & mask
    if (value < mask) return value
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= end) throw cutShort
      const byte = block[this.#at++]!
      value += (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw compressionViolation('a number of too many bytes')
  }
}
