import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { maxTextBytes } from '../model/yaml.ts'
import { refusal } from './refusal.ts'

/** A refused body is still read up to this size, since a client that is cut off while sending misses the answer. */
const drainBytes = 64 * 1024 * 1024

/** All of a request's body. Throws `too_large` beyond the size of a text that is read at all. */
export async function readBody(stream: Readable, headers: IncomingHttpHeaders): Promise<Buffer> {
  const encoding = headers['content-encoding']
  const announced = Number(headers['content-length'] ?? 0)
  if (announced > drainBytes) throw tooLarge()
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > drainBytes) throw tooLarge()
      if (size > maxTextBytes) chunks.length = 0
      else chunks.push(chunk)
    }
  } catch (error) {
    if (size > drainBytes) throw error
    throw refusal('malformed', 'The connection ended before the body did.', 'send the whole body', error)
  }
  if (size > maxTextBytes) throw tooLarge()
  if (encoding !== undefined && encoding !== 'identity') {
    throw refusal(
      'unsupported_media_type',
      'A compressed body is not understood.',
      'send it without content-encoding',
    )
  }
  return Buffer.concat(chunks)
}

function tooLarge(): Error {
  const mebibytes = maxTextBytes / 1024 / 1024
  return refusal('too_large', `The body exceeds ${mebibytes} MiB.`, 'split it into several requests')
}
