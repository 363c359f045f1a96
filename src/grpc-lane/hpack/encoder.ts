import { huffmanEncode, huffmanLength } from './huffman.ts'
import { staticNameIndex } from './static-table.ts'

/** Writes a number with a prefix of so many bits (RFC 7541 section 5.1) and returns where it ends. */
export function writeInteger(
  target: Buffer,
  start: number,
  first: number,
  mask: number,
  value: number,
): number {
  let at = start
  if (value < mask) {
    target[at++] = first | value
    return at
  }
  target[at++] = first | mask
  let rest = value - mask
  for (; rest >= 0x80; rest >>>= 7) target[at++] = (rest & 0x7f) | 0x80
  target[at++] = rest
  return at
}

/** Writes a string in the shorter of its two forms. */
export function writeString(target: Buffer, start: number, text: string): number {
  const coded = huffmanLength(text)
  if (coded < text.length) return huffmanEncode(text, target, writeInteger(target, start, 0x80, 0x7f, coded))
  const at = writeInteger(target, start, 0, 0x7f, text.length)
  return at + target.write(text, at, 'latin1')
}

/** Writes a literal field, which the peer does not (0x00) or does (0x40) put into its table: RFC 7541 section 6.2. */
export function writeLiteral(
  target: Buffer,
  start: number,
  form: 0x00 | 0x40,
  name: string,
  value: string,
): number {
  const index = staticNameIndex(name)
  let at = writeInteger(target, start, form, form === 0x40 ? 0x3f : 0x0f, index)
  if (index === 0) at = writeString(target, at, name)
  return writeString(target, at, value)
}

/** Bytes that a literal takes at most. */
export function literalBound(name: string, value: string): number {
  return 16 + name.length + value.length
}

/** One literal of its own. */
export function literal(form: 0x00 | 0x40, name: string, value: string): Buffer {
  const target = Buffer.allocUnsafe(literalBound(name, value))
  return target.subarray(0, writeLiteral(target, 0, form, name, value))
}
