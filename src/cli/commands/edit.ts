import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WriteAnswer } from '../../admin/write.ts'
import { readBytes } from '../../files/read.ts'
import { fileProblemLine, type Sources } from '../../files/source.ts'
import { kinds } from '../../policies/index.ts'
import { type Cli, exitCodes, Refused, Usage } from '../cli.ts'
import { ApiRefused, type Client, createClient } from '../client.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { problemLine } from '../documents.ts'
import { edit } from '../editor.ts'
import { objectOf } from '../kinds.ts'
import type { AddCommand } from '../main.ts'
import { asYaml, printable } from '../output.ts'
import { printWritten, type WriteOptions, withWriteOptions, writeRequest } from '../write-result.ts'

/** `weir edit`: one object in the user's editor. */
export const editCommand: AddCommand = (program, cli, done) => {
  const command = program
    .command('edit')
    .description('change one object in your editor (VISUAL, else EDITOR, else vi)')
    .argument('<kind>', 'the object (routes/echo), or its kind')
    .argument('[name]', 'name of the object')
    .addHelpText('after', '\nExample: EDITOR="code --wait" weir edit routes/echo')
  withWriteOptions(withConnection(command)).action(
    async (first: string, second: string | undefined, options: WriteOptions & ConnectionOptions) => {
      const { kind, name } = objectOf(first, second)
      if (!name) throw new Usage(`which of the ${kind.plural}? write its name, too`)
      const client = createClient(connectionOf(options, cli), cli)
      const path = `/v1/${kind.plural}/${encodeURIComponent(name)}`
      const answer = await inFolder((file) => editObject({ client, cli, path, options, file }))
      if (answer === undefined) cli.stdout.write(`unchanged  ${kind.kind}/${name}\n`)
      done(answer === undefined ? exitCodes.done : printWritten(answer, options, cli))
    },
  )
}

interface Edit {
  client: Client
  cli: Cli
  /** Of the object's URL. */
  path: string
  options: WriteOptions
  /** Where the text lies while it is edited. */
  file: string
}

/** Opens the editor again and again until the text is taken, or comes back as it went; then there is no answer. */
async function editObject({ client, cli, path, options, file }: Edit): Promise<WriteAnswer | undefined> {
  const { text, headers } = await client({ method: 'GET', path })
  const etag = headers.get('etag') ?? '*'
  const original = asYaml(JSON.parse(text))
  let written = original
  let problems: string[] = []
  for (;;) {
    writeFileSync(file, `${commentOf(path, problems)}${written}`, { mode: 0o600 })
    await edit(file, cli)
    cli.signal.throwIfAborted()
    const edited = withoutHead(readFileSync(file, 'utf8'))
    if (edited === original || edited.trim() === '') return undefined
    if (edited === written) throw new Kept(...problems, `your text is kept in ${file}; nothing is written.`)
    written = edited
    const outcome = await send({ client, cli, path, options, file }, written, etag)
    if (!Array.isArray(outcome)) return outcome
    problems = outcome
  }
}

/** The answer, or the problems for which the editor is opened again. */
async function send(
  { client, path, options, file }: Edit,
  text: string,
  etag: string,
): Promise<WriteAnswer | string[]> {
  const { documents, problems } = read(text, 0)
  if (problems.length > 0) return read(text, headOf(problems)).problems.map(fileProblemLine)
  const [document] = documents
  if (document === undefined || documents.length > 1)
    return [`there are ${documents.length} documents (write one)`]
  const { query, headers, waitMs } = writeRequest(options)
  try {
    const answer = await client({
      method: 'PUT',
      path: `${path}${query}`,
      headers: { ...headers, 'content-type': 'application/json', 'if-match': etag },
      body: JSON.stringify(document.value),
      waitMs,
    })
    return JSON.parse(answer.text) as WriteAnswer
  } catch (error) {
    if (!(error instanceof ApiRefused)) throw error
    if (error.status === 412)
      throw new Kept(...error.lines, `your text is kept in ${file}: edit the object again and take it over.`)
    return linesOf(error, text)
  }
}

function linesOf({ problems, lines }: ApiRefused, text: string): string[] {
  if (problems.length === 0) return [...lines]
  const { documents } = read(text, headOf(problems))
  return problems.map((problem) => problemLine({ ...problem, document: 0 }, documents))
}

/** The document, behind as many lines as will stand above it when the editor is opened again. */
function read(text: string, linesAbove: number): Sources {
  return readBytes('line', undefined, Buffer.from('\n'.repeat(linesAbove) + text), kinds)
}

/** Lines of `commentOf` these problems. */
function headOf({ length }: readonly unknown[]): number {
  return length + 1
}

const headMark = '# weir: '

/** Lines at the top, which are taken off again: what is edited and what was wrong with it. */
function commentOf(path: string, problems: readonly string[]): string {
  const title =
    problems.length > 0
      ? 'this was refused; mend it, or leave it as it is to give up:'
      : `edit ${path}; leave it as it is to change nothing.`
  const lines = [title, ...problems.map((line) => `  ${line}`)]
  return lines.map((line) => `${headMark}${printable(line)}\n`).join('')
}

function withoutHead(text: string): string {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => !line.startsWith(headMark))
  return start < 0 ? '' : lines.slice(start).join('\n')
}

/** A refusal after which the user's text is not thrown away. */
class Kept extends Refused {}

async function inFolder<Result>(work: (file: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-edit-'))
  let keep = false
  try {
    return await work(join(folder, 'document.yaml'))
  } catch (error) {
    keep = error instanceof Kept
    throw error
  } finally {
    if (!keep) rmSync(folder, { recursive: true, force: true })
  }
}
