import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, type Problem, startupError } from '../errors.ts'
import type { Kind } from '../model/kind.ts'
import type { Edit } from '../model/plan-write.ts'
import { readDocument } from '../model/read-document.ts'
import { parseYaml } from '../model/yaml.ts'

/** The documents of a file, or of the `.yaml`, `.yml` and `.json` files of a folder, as edits. */
export function readConfig(path: string, kinds: readonly Kind[]): Edit[] {
  return filesOf(path).flatMap((file, index) => readFile(file, kinds, index * 100_000))
}

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path]
    const names = readdirSync(path).filter((name) => /\.(ya?ml|json)$/.test(name))
    return names.sort().map((name) => join(path, name))
  } catch (error) {
    throw startupError(
      `WEIR_CONFIG: ${path} cannot be read (${messageOf(error)}).`,
      'Name a file or folder that exists.',
    )
  }
}

function readFile(file: string, kinds: readonly Kind[], firstNumber: number): Edit[] {
  const parsed = parseYaml(readFileSync(file, 'utf8'))
  if (parsed.values === undefined) throw refused(file, parsed.problems)
  return parsed.values.map((value, index): Edit => {
    const { document, problems } = readDocument(kinds, value)
    if (document === undefined)
      throw refused(
        file,
        problems.map((problem) => ({ document: index, ...problem })),
      )
    return { op: 'put', object: document, document: firstNumber + index }
  })
}

/** All problems of a file, the first on the one line that a start may print. */
export function refused(file: string, problems: readonly Problem[]): Error {
  const [first] = problems
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more problems)` : ''
  const where =
    first === undefined ? '' : `document ${first.document ?? 0}, ${first.pointer || '/'}: ${first.message}`
  return startupError(`${file} was refused: ${where}${more}.`, `To mend it: ${first?.remedy}.`)
}
