import type { DryRunAnswer } from '../../admin/dry-run.ts'
import type { WriteAnswer } from '../../admin/write.ts'
import { applyDocuments, fileOption } from '../apply-documents.ts'
import { exitCodes, Usage } from '../cli.ts'
import { createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { confirmedWrite } from '../confirmed-write.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { readSources } from '../documents.ts'
import { printDryRun } from '../dry-run.ts'
import { printWritten, refusalsPrinted, type WriteOptions, withWriteOptions } from '../write-result.ts'

/** `weir apply`: creates and changes objects from files, all or none. */
export const applyCommand: AddCommand = (program, cli, done) => {
  const command = program
    .command('apply')
    .description('create or change objects from files, all or none')
    .addOption(fileOption())
    .option('--prune', 'delete what is there and not in the files')
    .option('--dry-run', 'change nothing: say what would change, in weir and in Envoy')
    .addHelpText('after', '\nExample: weir apply -f gateway.yaml --wait -m "open the shop"')
  withWriteOptions(withConnection(command)).action(async (options: Options) => {
    if (options.dryRun && options.wait) throw new Usage('a dry run has nothing to wait for: leave out --wait')
    const documents = await readSources(options.file, cli)
    const client = createClient(connectionOf(options, cli), cli)
    const answer = await refusalsPrinted(options, cli, () =>
      confirmedWrite(options, cli, (given) => applyDocuments(client, documents, given, cli)),
    )
    if (options.dryRun) {
      await printDryRun(client, answer as DryRunAnswer, options.output, cli)
      done(exitCodes.done)
    } else {
      done(printWritten(answer as WriteAnswer, options, cli))
    }
  })
}

interface Options extends WriteOptions, ConnectionOptions {
  file: string[]
  prune?: boolean
  dryRun?: boolean
}
