import type { WriteAnswer } from '../../admin/write.ts'
import { readBytes } from '../../files/read.ts'
import { fileProblemLine, type Sources } from '../../files/source.ts'
import type { Document } from '../../model/document.ts'
import { kinds } from '../../policies/index.ts'
import { type Cli, exitCodes, Refused } from '../cli.ts'
import { ApiRefused, type Client, createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { confirmedWrite } from '../confirmed-write.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { type EditedFile, withEditedFile } from '../edited-file.ts'
import { edit } from '../editor.ts'
import { oneObjectOf } from '../kinds.ts'
import { asYaml } from '../output.ts'
import { problemLine } from '../problem-line.ts'
import {
  printWritten,
  refusalsPrinted,
  type WriteOptions,
  withWriteOptions,
  writeRequest,
} from '../write-result.ts'

/** `weir edit`: one object in the user's editor. */
export const editCommand: AddCommand = (program, cli, done) => {
  const command = program
    .command('edit')
    .description('change one object in your editor (VISUAL, else EDITOR, else vi)')
    .argument('<kind>', 'the object (routes/echo), or its kind')
    .argument('[name]', 'name of the object')
    .addHelpText(
      'after',
      '\nA text that could not be written is kept in a file, which is named.\n' +
        '\nExample: EDITOR="code --wait" weir edit routes/echo',
    )
  withWriteOptions(withConnection(command)).action(
    async (first: string, second: string | undefined, options: WriteOptions & ConnectionOptions) => {
      const { kind, name } = oneObjectOf(first, second)
      const client = createClient(connectionOf(options, cli), cli)
      const path = `/v1/${kind.plural}/${encodeURIComponent(name)}`
      const answer = await refusalsPrinted(options, cli, () => editObject(client, path, options, cli))
      if (answer === undefined) cli.stdout.write(`unchanged  ${kind.kind}/${name}\n`)
      done(answer === undefined ? exitCodes.done : printWritten(answer, options, cli))
    },
  )
}

async function editObject(client: Client, path: string, options: WriteOptions, cli: Cli) {
  const { text, headers } = await client({ method: 'GET', path })
  const original = asYaml(JSON.parse(text) as Document)
  const etag = headers.get('etag') ?? '*'
  return withEditedFile(original, cli, (file) =>
    editUntilTaken({ client, path, etag, options, file }, original, cli),
  )
}

interface Edit {
  client: Client
  /** Of the object's URL. */
  path: string
  /** Of the object as it is edited. */
  etag: string
  options: WriteOptions
  file: EditedFile
}

/** Opens the editor again and again until the text is taken, or comes back as it went; then there is no answer. */
async function editUntilTaken(what: Edit, original: string, cli: Cli): Promise<WriteAnswer | undefined> {
  const { path, file } = what
  let written = original
  let refusal: Refused | undefined
  for (;;) {
    file.write(commentOf(path, refusal), written)
    await edit(file.path, cli)
    cli.signal.throwIfAborted()
    const edited = file.read()
    if (edited === original || edited.trim() === '') return undefined
    if (refusal !== undefined && edited === written) throw refusal
    written = edited
    const outcome = await send(what, written, cli)
    if (!(outcome instanceof Refused)) return outcome
    refusal = outcome
  }
}

/** The answer, or the refusal for which the editor is opened again. */
async function send(
  { client, path, etag, options }: Edit,
  text: string,
  cli: Cli,
): Promise<WriteAnswer | Refused> {
  const { documents, problems } = read(text, 0)
  if (problems.length > 0) return new Refused(...read(text, headOf(problems)).problems.map(fileProblemLine))
  const [document] = documents
  if (document === undefined || documents.length > 1)
    return new Refused(`there are ${documents.length} documents (write one)`)
  const put = (given: WriteOptions) => {
    const { query, headers, waitMs, write } = writeRequest(given)
    return client({
      method: 'PUT',
      path: `${path}${query}`,
      headers: { ...headers, 'content-type': 'application/json', 'if-match': etag },
      body: JSON.stringify(document.value),
      waitMs,
      write,
    })
  }
  try {
    const answer = await confirmedWrite(options, cli, put)
    return JSON.parse(answer.text) as WriteAnswer
  } catch (error) {
    if (!(error instanceof ApiRefused)) throw error
    const { problem } = error
    if (problem.status === 412) throw new ApiRefused(problem, overtaken)
    // What is wrong with the server, or with the request around it, no other text mends.
    if (problem.status >= 500) throw error
    return placed(error, text)
  }
}

const overtaken = [
  'somebody changed the object meanwhile; nothing is written.',
  'Edit it again and take your text over: applied as it is, it undoes what they wrote.',
]

function placed(error: ApiRefused, text: string): ApiRefused {
  const { errors } = error.problem
  if (errors.length === 0) return error
  const { documents } = read(text, headOf(errors))
  const lines = errors.map((problem) => problemLine({ ...problem, document: 0 }, documents))
  return new ApiRefused(error.problem, lines)
}

/** The document, behind as many lines as will stand above it when the editor is opened again. */
function read(text: string, linesAbove: number): Sources {
  return readBytes('line', undefined, Buffer.from('\n'.repeat(linesAbove) + text), kinds)
}

/** Lines of `commentOf` these problems. */
function headOf({ length }: readonly unknown[]): number {
  return length + 1
}

/** What is edited and what was wrong with it. */
function commentOf(path: string, refusal: Refused | undefined): string[] {
  if (refusal === undefined) return [`edit ${path}; leave it as it is to change nothing.`]
  return [
    'this was refused; mend it, or leave it as it is to give up:',
    ...refusal.lines.map((line) => `  ${line}`),
  ]
}
