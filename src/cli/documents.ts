import { buffer } from 'node:stream/consumers'
import type { Problem } from '../errors.ts'
import { placeOf } from '../files/place.ts'
import { readBytes, readPath } from '../files/read.ts'
import { fileProblemLine, placeLine, type SourceDocument, type Sources } from '../files/source.ts'
import { kinds } from '../policies/index.ts'
import { type Cli, Refused } from './cli.ts'
import { ApiRefused } from './client.ts'
import { printable } from './output.ts'

/** The documents of files, of folders' `.yaml`, `.yml` and `.json` files by name, and of standard input (`-`). */
export async function readSources(paths: readonly string[], cli: Cli): Promise<SourceDocument[]> {
  const sources: Sources = { documents: [], problems: [] }
  for (const path of paths) {
    const { documents, problems } =
      path === '-' ? readBytes('<stdin>', undefined, await buffer(cli.stdin), kinds) : readPath(path, kinds)
    sources.documents.push(...documents)
    sources.problems.push(...problems)
  }
  const { documents, problems } = sources
  if (problems.length > 0) throw new Refused(...problems.map(fileProblemLine).map(printable))
  if (documents.length === 0)
    throw new Refused(`there is no document in ${paths.join(', ')}.`, 'Write at least one.')
  return documents
}

/**
 * A refusal of the API on one line: the place of the field in its file, the document, the field, what is wrong, what to
 * do.
 */
export function problemLine(
  { document, pointer, message, remedy }: Problem,
  documents: readonly SourceDocument[],
): string {
  const source = document === undefined ? undefined : documents[document]
  const parts = [
    source === undefined ? undefined : placeLine(source.file.path, placeOf(source, pointer)),
    source === undefined ? undefined : nameOf(source),
    pointer === '' ? undefined : pointer,
    `${message} (${remedy})`,
  ]
  return parts.filter((part) => part !== undefined).join(': ')
}

/** The API's refusal of these documents, its problems with their places. */
export function withPlaces(error: unknown, documents: readonly SourceDocument[]): unknown {
  if (!(error instanceof ApiRefused) || error.problems.length === 0) return error
  return new Refused(...error.problems.map((problem) => printable(problemLine(problem, documents))))
}

function nameOf(source: SourceDocument): string {
  const { line } = placeOf(source, '')
  const { kind, name } = (typeof source.value === 'object' ? (source.value ?? {}) : {}) as Record<
    string,
    unknown
  >
  const known = typeof kind === 'string' && typeof name === 'string'
  return `document ${source.number} (${known ? `${kind}/${name.slice(0, 80)}, ` : ''}line ${line})`
}
