import { parseAllDocuments } from 'yaml'
import { createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { kindOf } from '../kinds.ts'
import { asJson, type Format, outputOption } from '../output.ts'
import { withProgress } from '../progress.ts'
import { escapedYamlText } from '../text.ts'

/** `weir export`: all objects, ready for `weir apply`. */
export const exportCommand: AddCommand = (program, cli) => {
  const command = program
    .command('export')
    .description('print all objects, ready for `weir apply`')
    .option('-k, --kind <kind>', 'only objects of this kind')
    .option('--effective', 'fill in the defaults of all fields that are not written')
    .option('--at <point>', 'as it was at a revision (12) or a time (2026-01-31T12:00:00Z)')
    .addOption(outputOption(['yaml', 'json'], 'yaml'))
    .addHelpText('after', '\nExample: weir export > backup.yaml')
  withConnection(command).action(async (options: Options) => {
    const { kind, effective, at, output } = options
    const query = new URLSearchParams({
      ...(kind === undefined ? {} : { kind: kindOf(kind).kind }),
      ...(effective ? { effective: 'true' } : {}),
      ...(at === undefined ? {} : { at }),
    })
    const client = createClient(connectionOf(options, cli), cli)
    const answer = client({ method: 'GET', path: `/v1/export${query.size > 0 ? `?${query}` : ''}` })
    const { text } = await withProgress(cli, 'exporting', answer)
    if (output === 'yaml') cli.stdout.write(escapedYamlText(text))
    else cli.stdout.write(asJson(documentsOf(text)))
  })
}

interface Options extends ConnectionOptions {
  kind?: string
  effective?: boolean
  at?: string
  output: Format
}

function documentsOf(text: string): unknown[] {
  const documents = parseAllDocuments(text)
  return 'empty' in documents ? [] : documents.map((document) => document.toJS() as unknown)
}
