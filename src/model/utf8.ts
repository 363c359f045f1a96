import { isUtf8 } from 'node:buffer'

const replacement = Buffer.from('\uFFFD')

export type DecodedUtf8 = { text: string; wrongByte?: undefined } | { text?: undefined; wrongByte: number }

/** The text of UTF-8 bytes, without a byte order mark, or the place of the first byte that cannot stand there. */
export function decodedUtf8(bytes: Buffer): DecodedUtf8 {
  const text = bytes.toString('utf8')
  if (!isUtf8(bytes)) return { wrongByte: firstWrongByte(bytes, text) }
  return { text: text.startsWith('\uFEFF') ? text.slice(1) : text }
}

/** Decoding put U+FFFD at the first wrong byte; the same character may also stand in the text rightly. */
function firstWrongByte(bytes: Buffer, text: string): number {
  let offset = 0
  let from = 0
  for (let at = text.indexOf('\uFFFD'); at >= 0; at = text.indexOf('\uFFFD', from)) {
    offset += Buffer.byteLength(text.slice(from, at))
    if (!bytes.subarray(offset, offset + replacement.length).equals(replacement)) return offset
    offset += replacement.length
    from = at + 1
  }
  return offset
}
