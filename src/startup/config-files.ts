import { type Problem, startupError } from '../errors.ts'
import { placeOf } from '../files/place.ts'
import { readPath } from '../files/read.ts'
import { repeated } from '../files/repeated.ts'
import { fileProblemLine, placeLine, type SourceDocument } from '../files/source.ts'
import type { Kind } from '../model/kind.ts'
import type { Edit } from '../model/plan-write.ts'
import { readDocument } from '../model/read-document.ts'

/** Edits whose `document` numbers the documents, so that a problem of one finds its place. */
export interface Config {
  documents: SourceDocument[]
  edits: Edit[]
}

/** The documents of a file, or of the `.yaml`, `.yml` and `.json` files of a folder, as edits. */
export function readConfig(path: string, kinds: readonly Kind[]): Config {
  const { documents, problems: found } = readPath(path, kinds)
  const problems = [...found, ...repeated(documents)]
  const [first] = problems
  if (first !== undefined)
    throw startupError(
      `WEIR_CONFIG: ${fileProblemLine(first)}${moreThan(problems)}.`,
      'Mend it, or start without it by WEIR_CONFIG= (empty).',
    )
  const read = documents.map(({ value }) => readDocument(kinds, value))
  const refusals = read.flatMap(({ problems }, document) =>
    problems.map((problem: Problem) => ({ ...problem, document })),
  )
  if (refusals.length > 0) throw refused(path, documents, refusals)
  const edits = read.flatMap(({ document: object }, document): Edit[] =>
    object === undefined ? [] : [{ op: 'put', object, document }],
  )
  return { documents, edits }
}

/** All problems of a file or folder, the first on the one line that a start may print. */
export function refused(
  path: string,
  documents: readonly SourceDocument[],
  problems: readonly Problem[],
): Error {
  const [first] = problems
  if (first === undefined) return startupError(`${path} was refused.`, 'Mend it.')
  const source = first.document === undefined ? undefined : documents[first.document]
  const where = source === undefined ? path : placeLine(source.file.path, placeOf(source, first.pointer))
  const field = first.pointer === '' ? '' : `${first.pointer}: `
  return startupError(
    `${where} was refused: ${field}${first.message}${moreThan(problems)}.`,
    `To mend it: ${first.remedy}.`,
  )
}

function moreThan({ length }: readonly unknown[]): string {
  return length > 1 ? ` (and ${length - 1} more problems)` : ''
}
