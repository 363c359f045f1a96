import { compressionViolation } from '../violation.ts'
import { DynamicTable } from './dynamic-table.ts'
import { Field } from './field.ts'
import { huffmanDecode } from './huffman.ts'
import { firstDynamicIndex, staticTable } from './static-table.ts'

/** How much of a list of headers is kept; the rest is decoded for the table's sake and forgotten. */
export interface ListBounds {
  readonly headerBytes: number
  readonly headerFields: number
}

/** Decodes blocks of headers (RFC 7541). What is not valid is a Violation: the table could not be trusted any more. */
export class Decoder {
  /** The fields of the block that was decoded last. */
  fields: Field[] = []
  /** Whether there were more than the bounds allow; `fields` are then not complete. */
  oversize = false
  readonly table: DynamicTable
  readonly #tableBytes: number
  readonly #bounds: ListBounds
  #at = 0

  /** @param tableBytes what SETTINGS_HEADER_TABLE_SIZE of ours says */
  constructor(tableBytes: number, bounds: ListBounds) {
    this.table = new DynamicTable(tableBytes)
    this.#tableBytes = tableBytes
    this.#bounds = bounds
  }

  decode(block: Buffer, start: number, end: number): void {
    const { headerBytes, headerFields } = this.#bounds
    const fields: Field[] = []
    let size = 0
    let sizeUpdates = 0
    this.oversize = false
    this.#at = start
    while (this.#at < end) {
      const first = block[this.#at]!
      if ((first & 0xe0) === 0x20) {
        // RFC 7541 section 4.2: at the beginning of a block only, and two are enough to say the lowest and the last.
        if (fields.length > 0 || this.oversize || ++sizeUpdates > 2) {
          throw compressionViolation('a table size update in the middle of a block')
        }
        this.#resize(block, end)
        continue
      }
      const field = (first & 0x80) !== 0 ? this.#indexed(block, end) : this.#literal(block, end, first)
      size += field.name.length + field.value.length + 32
      if (size > headerBytes || fields.length >= headerFields) this.oversize = true
      else fields.push(field)
    }
    this.fields = fields
  }

  #resize(block: Buffer, end: number): void {
    const size = this.#integer(block, end, 0x1f)
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
  #literal(block: Buffer, end: number, first: number): Field {
    const indexing = (first & 0x40) !== 0
    const index = this.#integer(block, end, indexing ? 0x3f : 0x0f)
    const name = index === 0 ? this.#string(block, end) : this.#field(index).name
    const field = new Field(name, this.#string(block, end))
    if (indexing) this.table.insert(field)
    return field
  }

  #string(block: Buffer, end: number): string {
    if (this.#at >= end) throw compressionViolation('a block that ends within a field')
    const huffman = (block[this.#at]! & 0x80) !== 0
    const length = this.#integer(block, end, 0x7f)
    const start = this.#at
    if (length > end - start) throw compressionViolation('a string beyond its block')
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
      if (this.#at >= end) throw compressionViolation('a block that ends within a number')
      const byte = block[this.#at++]!
      value += (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw compressionViolation('a number of too many bytes')
  }
}
