import { isUtf8 } from 'node:buffer'
import type { IncomingHttpHeaders } from 'node:http'
import { refusal } from './refusal.ts'

const maxAuthor = 253
const maxMessage = 2_000

/** Who writes, and why: the headers `weir-author` and `weir-message`, which end up in the revision. */
export function authorshipOf(headers: IncomingHttpHeaders): { author: string; message: string } {
  return {
    author: textHeader(headers, 'weir-author', maxAuthor) || 'api',
    message: textHeader(headers, 'weir-message', maxMessage),
  }
}

function textHeader(headers: IncomingHttpHeaders, name: string, maxLength: number): string {
  const value = headers[name]
  if (value === undefined) return ''
  // Node reads headers as Latin-1; what is UTF-8 was meant as that.
  const bytes = Buffer.from(String(value), 'latin1')
  const text = (isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('latin1')).trim()
  if (text.length <= maxLength) return text
  throw refusal('malformed', `The header ${name} is longer than ${maxLength} characters.`, 'write less')
}
