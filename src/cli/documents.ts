import { addAbortSignal } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { readBytes, readPath } from '../files/read.ts'
import { repeated } from '../files/repeated.ts'
import { fileProblemLine, type SourceDocument, type Sources } from '../files/source.ts'
import { kinds } from '../policies/index.ts'
import { type Cli, Refused } from './cli.ts'
import { ApiRefused } from './client.ts'
import { problemLine } from './problem-line.ts'

/** The documents of files, of folders' `.yaml`, `.yml` and `.json` files by name, and of standard input (`-`). */
export async function readSources(paths: readonly string[], cli: Cli): Promise<SourceDocument[]> {
  const sources: Sources = { documents: [], problems: [] }
  for (const path of paths) {
    const { documents, problems } =
      path === '-' ? readBytes('<stdin>', undefined, await standardInput(cli), kinds) : readPath(path, kinds)
    sources.documents.push(...documents)
    sources.problems.push(...problems)
  }
  const { documents } = sources
  const problems = [...sources.problems, ...repeated(documents)]
  if (problems.length > 0) throw new Refused(...problems.map(fileProblemLine))
  if (documents.length === 0)
    throw new Refused(`there is no document in ${paths.join(', ')}.`, 'Write at least one.')
  return documents
}

/** All of it; Ctrl-C ends the waiting for more. */
function standardInput({ stdin, signal }: Cli): Promise<Buffer> {
  return buffer(addAbortSignal(signal, stdin))
}

/** The API's refusal of these documents, its problems with their places. */
export function withPlaces(error: unknown, documents: readonly SourceDocument[]): unknown {
  if (!(error instanceof ApiRefused) || error.problem.errors.length === 0) return error
  const lines = error.problem.errors.map((problem) => problemLine(problem, documents))
  return new ApiRefused(error.problem, lines)
}
