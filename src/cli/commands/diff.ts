import type { DryRunAnswer } from '../../admin/dry-run.ts'
import { applyDocuments, fileOption } from '../apply-documents.ts'
import { exitCodes } from '../cli.ts'
import { createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { documentsOf } from '../differences.ts'
import { readSources } from '../documents.ts'
import { envoyLines, printDryRunWarnings } from '../dry-run.ts'
import { asJson, asYaml, type Format, outputOption } from '../output.ts'
import { patchOf } from '../patch.ts'

/** `weir diff`: what `weir apply` of the same files would change. */
export const diffCommand: AddCommand = (program, cli, done) => {
  const command = program
    .command('diff')
    .description(
      'show what apply would change: a patch, and what Envoys would get; exit code 3 where there is something',
    )
    .addOption(fileOption())
    .option('--prune', 'show as deleted what is there and not in the files')
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', '\nExample: weir diff -f examples/quickstart')
  withConnection(command).action(async (options: Options) => {
    const documents = await readSources(options.file, cli)
    const client = createClient(connectionOf(options, cli), cli)
    const request = { dryRun: true, ...(options.prune ? { prune: true } : {}) }
    const answer = await applyDocuments(client, documents, request, cli)
    const plan = answer as DryRunAnswer
    const { diff, revision } = plan
    if (options.output === 'json') cli.stdout.write(asJson(plan))
    else if (options.output === 'yaml') cli.stdout.write(asYaml(plan))
    else {
      const lines = envoyLines(plan, cli.stdout).map((line) => `${line}\n`)
      cli.stdout.write(`${patchOf(await documentsOf(client, diff, revision), cli.stdout)}${lines.join('')}`)
    }
    printDryRunWarnings(plan, cli)
    done(diff.length > 0 ? exitCodes.different : exitCodes.done)
  })
}

interface Options extends ConnectionOptions {
  file: string[]
  prune?: boolean
  output: Format
}
