import { InvalidArgumentError } from 'commander'
import type { DryRunAnswer } from '../../admin/dry-run.ts'
import type { WriteAnswer } from '../../admin/write.ts'
import { Refused } from '../cli.ts'
import { createClient } from '../client.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { documentsOf } from '../differences.ts'
import type { AddCommand } from '../main.ts'
import { patchOf } from '../patch.ts'
import { withProgress } from '../progress.ts'
import { confirmed } from '../prompt.ts'
import { printWritten, type WriteOptions, withWriteOptions, writeRequest } from '../write-result.ts'

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
    const path = `/v1/revisions/${revision}/restore`
    const rehearsal = await client({ method: 'POST', path: `${path}?dryRun=true` })
    const { diff, revision: current } = JSON.parse(rehearsal.text) as DryRunAnswer
    const differences = await documentsOf(client, diff, current)
    const stream = options.output === 'table' ? cli.stdout : cli.stderr
    stream.write(patchOf(differences, stream))
    if (diff.length > 0) {
      const question = `Make revision ${revision} the newest again?`
      if (!(await confirmed(cli, question, options.yes === true))) throw new Refused('nothing is written.')
    }
    const { query, headers, waitMs } = writeRequest(options)
    const answer = client({ method: 'POST', path: `${path}${query}`, headers, waitMs })
    const { text } = await withProgress(cli, `restoring revision ${revision}`, answer)
    done(printWritten(JSON.parse(text) as WriteAnswer, options, cli))
  })
}

interface Options extends WriteOptions, ConnectionOptions {
  yes?: boolean
}

function readRevision(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Write the number of a revision.')
}
