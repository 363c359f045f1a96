import { decodedUtf8 } from '../model/utf8.ts'
import { refusal } from './refusal.ts'

/** The text of UTF-8 bytes, without a byte order mark; throws `malformed` with the place of the first wrong byte. */
export function decodeUtf8(bytes: Buffer): string {
  const { text, wrongByte } = decodedUtf8(bytes)
  if (text !== undefined) return text
  const message = `The body is not UTF-8: byte ${wrongByte} cannot stand there.`
  throw refusal('malformed', message, 'send the text in UTF-8')
}
