import { InvalidArgumentError } from 'commander'
import type { DryRunAnswer } from '../../admin/dry-run.ts'
import type { WriteAnswer } from '../../admin/write.ts'
import { type Cli, exitCodes, Refused } from '../cli.ts'
import { ApiRefused, type Client, createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { printReductions } from '../confirmed-write.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { documentsOf } from '../differences.ts'
import { asJson, asYaml } from '../output.ts'
import { patchOf } from '../patch.ts'
import { withProgress } from '../progress.ts'
import { confirmed } from '../prompt.ts'
import {
  printWritten,
  refusalsPrinted,
  type WriteOptions,
  withWriteOptions,
  writeRequest,
} from '../write-result.ts'

/** `weir rollback`: the state of an old revision, as a new one. */
export const rollbackCommand: AddCommand = (program, cli, done) => {
  const command = program
    .command('rollback')
    .description('make the state of a revision the newest again; shows what changes and asks')
    .argument('<revision>', 'its number, as in `weir history`', readRevision)
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', '\nExample: weir rollback 12 -m "back to before the sale" --wait')
  withWriteOptions(withConnection(command)).action(async (revision: number, options: Options) => {
    const client = createClient(connectionOf(options, cli), cli)
    done(await refusalsPrinted(options, cli, () => rollback(client, revision, options, cli)))
  })
}

interface Options extends WriteOptions, ConnectionOptions {
  yes?: boolean
}

async function rollback(client: Client, revision: number, options: Options, cli: Cli): Promise<number> {
  const path = `/v1/revisions/${revision}/restore`
  const { text } = await client({ method: 'POST', path: `${path}?dryRun=true` })
  const rehearsal = JSON.parse(text) as DryRunAnswer
  if (rehearsal.diff.length === 0) return nothingDiffers(rehearsal, revision, options, cli)
  const stream = options.output === 'table' ? cli.stdout : cli.stderr
  stream.write(patchOf(await documentsOf(client, rehearsal.diff, rehearsal.revision), stream))
  const question = `Make revision ${revision} the newest again?`
  if (rehearsal.confirmation !== undefined) printReductions(rehearsal.confirmation, cli)
  if (!(await confirmed(cli, question, options.yes === true))) throw new Refused('nothing is written.')
  // Whoever said yes to what was shown has confirmed that; `--yes` was said before.
  const confirm = options.confirm ?? (options.yes === true ? undefined : rehearsal.confirmation?.token)
  const given = confirm === undefined ? options : { ...options, confirm }
  const { query, headers, waitMs, write } = writeRequest(given)
  // What somebody writes meanwhile was not shown and is not to be undone.
  const shown = { ...headers, 'if-match': `"${rehearsal.revision}"` }
  const restored = client({ method: 'POST', path: `${path}${query}`, headers: shown, waitMs, write })
  const answer = await withProgress(cli, `restoring revision ${revision}`, restored).catch((error) => {
    throw error instanceof ApiRefused && error.problem.status === 412 ? overtaken(error, revision) : error
  })
  return printWritten(JSON.parse(answer.text) as WriteAnswer, options, cli)
}

function nothingDiffers(
  rehearsal: DryRunAnswer,
  revision: number,
  { output }: Options,
  { stdout }: Cli,
): number {
  if (output === 'json') stdout.write(asJson(rehearsal))
  else if (output === 'yaml') stdout.write(asYaml(rehearsal))
  else stdout.write(`nothing differs from revision ${revision}; nothing is written\n`)
  return exitCodes.done
}

function overtaken({ problem }: ApiRefused, revision: number): ApiRefused {
  return new ApiRefused(problem, [
    'somebody wrote meanwhile: what was shown is no longer what would change; nothing is written.',
    `Look again: \`weir rollback ${revision}\` shows the difference to the state of now, \`weir history\` who wrote.`,
  ])
}

function readRevision(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Write the number of a revision.')
}
