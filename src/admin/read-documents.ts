import type { FastifyRequest } from 'fastify'
import { type Problem, WeirError } from '../errors.ts'
import type { Document } from '../model/document.ts'
import type { Kind } from '../model/kind.ts'
import { readDocument } from '../model/read-document.ts'
import { formatOf } from './media-type.ts'
import { refusal } from './refusal.ts'
import type { TextParser } from './text-parser.ts'
import { decodeUtf8 } from './utf8.ts'

/** How many documents are checked before other work gets its turn. */
const batch = 200

export interface ReadDocuments {
  /** By their number in the request; nothing where a document is refused. */
  documents: (Document | undefined)[]
  problems: Problem[]
  /** `Kind/name` of the refused ones, as far as they say it. */
  refused: Set<string>
}

/** The values in a request's body. Throws `malformed` with line and column for what is no YAML or JSON. */
export async function valuesOf(
  request: FastifyRequest,
  parser: TextParser,
  acceptedTypes?: readonly string[],
): Promise<unknown[]> {
  const format = formatOf(request.headers['content-type'], acceptedTypes)
  const body = request.body instanceof Buffer ? request.body : Buffer.alloc(0)
  const { values, problems } = await parser.parse(format, decodeUtf8(body))
  if (values === undefined)
    throw new WeirError('malformed', `The body is not valid ${format.toUpperCase()}.`, { problems })
  if (values.length === 0)
    throw refusal('invalid', 'There is no document in the body.', 'write at least one document')
  return values
}

/** Reads each value as a document of one of the kinds; a value that is a list holds documents itself. */
export async function readDocuments(
  kinds: readonly Kind[],
  values: readonly unknown[],
): Promise<ReadDocuments> {
  const result: ReadDocuments = { documents: [], problems: [], refused: new Set() }
  const flat = values.length === 1 && Array.isArray(values[0]) ? (values[0] as unknown[]) : values
  if (flat.length === 0)
    throw refusal('invalid', 'The list holds no document.', 'write at least one document')
  for (const [number, value] of flat.entries()) {
    if (number % batch === batch - 1) await new Promise(setImmediate)
    const { document, problems } = readDocument(kinds, value)
    result.documents.push(document)
    if (document !== undefined) continue
    for (const problem of problems) result.problems.push({ document: number, ...problem })
    const { kind, name } = (value ?? {}) as { kind?: unknown; name?: unknown }
    if (typeof kind === 'string' && typeof name === 'string') result.refused.add(`${kind}/${name}`)
  }
  return result
}
