import { isUtf8 } from 'node:buffer'
import { refusal } from './refusal.ts'

const replacement = Buffer.from('\uFFFD')

/** The text of UTF-8 bytes, without a byte order mark; throws `malformed` with the place of the first wrong byte. */
export function decodeUtf8(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  if (!isUtf8(bytes)) {
    const message = `The body is not UTF-8: byte ${firstWrongByte(bytes, text)} cannot stand there.`
    throw refusal('malformed', message, 'send the text in UTF-8')
  }
  return text.startsWith('\uFEFF') ? text.slice(1) : text
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
