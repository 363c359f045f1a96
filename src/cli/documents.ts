import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { decodeUtf8 } from '../admin/utf8.ts'
import { messageOf, type Problem } from '../errors.ts'
import { parseJson } from '../model/json.ts'
import { maxTextBytes, parseYaml } from '../model/yaml.ts'
import { type Cli, Refused } from './cli.ts'

/** A document of a file, and where it stands. */
export interface FileDocument {
  file: string
  /** Its number in the file, from 0, as the API counts. */
  number: number
  value: unknown
}

/** The documents of a file, of a folder's `.yaml`, `.yml` and `.json` files by name, or of standard input (`-`). */
export async function readSources(sources: readonly string[], cli: Cli): Promise<FileDocument[]> {
  const documents: FileDocument[] = []
  const refusals: string[] = []
  for (const file of sources.flatMap(filesOf)) {
    const shown = file === '-' ? '<stdin>' : file
    const { values, problems } = parse(shown, file === '-' ? await buffer(cli.stdin) : readFile(file))
    if (values === undefined) refusals.push(...problems.map((problem) => syntaxLine(shown, problem)))
    else documents.push(...values.map((value, number) => ({ file: shown, number, value })))
  }
  if (refusals.length > 0) throw new Refused(...refusals)
  if (documents.length === 0)
    throw new Refused(`there is no document in ${sources.join(', ')}.`, 'Write at least one.')
  return documents
}

function filesOf(source: string): string[] {
  if (source === '-') return [source]
  try {
    if (!statSync(source).isDirectory()) return [source]
    const names = readdirSync(source).filter((name) => /\.(ya?ml|json)$/.test(name))
    return names.sort().map((name) => join(source, name))
  } catch (error) {
    throw unreadable(source, error)
  }
}

function readFile(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw unreadable(file, error)
  }
}

function unreadable(file: string, error: unknown): Refused {
  return new Refused(
    `${file} cannot be read (${messageOf(error)}).`,
    'Name a file or folder that exists, or - for standard input.',
  )
}

function parse(file: string, bytes: Buffer) {
  if (bytes.length > maxTextBytes) {
    throw new Refused(
      `${file} is larger than ${maxTextBytes / 1024 / 1024} MiB.`,
      'Split it into several files.',
    )
  }
  try {
    const text = decodeUtf8(bytes)
    const parsed = file.endsWith('.json') ? parseJson(text) : parseYaml(text)
    const [first] = parsed.values ?? []
    return parsed.values?.length === 1 && Array.isArray(first)
      ? { values: first as unknown[], problems: [] }
      : parsed
  } catch (error) {
    throw new Refused(`${file}: ${messageOf(error).replace('The body', 'The file')}`, 'Save it in UTF-8.')
  }
}

/** `routes.yaml:3:1: what is wrong (what to do)`, as editors understand it. */
function syntaxLine(file: string, { document, message, remedy }: Problem): string {
  const place = /^line (\d+), column (\d+): /.exec(message)
  if (place === null) return `${file}: document ${document ?? 0}: ${message} (${remedy})`
  return `${file}:${place[1]}:${place[2]}: ${message.slice(place[0].length)} (${remedy})`
}

/** A refusal of the API on one line: the document's place and name, the field, what is wrong, what to do. */
export function problemLine(
  { document, pointer, message, remedy }: Problem,
  documents: readonly FileDocument[],
): string {
  const source = document === undefined ? undefined : documents[document]
  const parts = [
    source === undefined ? undefined : `${source.file}: document ${source.number}${nameOf(source.value)}`,
    pointer === '' ? undefined : pointer,
    `${message} (${remedy})`,
  ]
  return parts.filter((part) => part !== undefined).join(': ')
}

function nameOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return ''
  const { kind, name } = value as { kind?: unknown; name?: unknown }
  return typeof kind === 'string' && typeof name === 'string' ? ` (${kind}/${name.slice(0, 80)})` : ''
}
