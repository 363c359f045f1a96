import { Option } from 'commander'
import type { Document } from '../../model/document.ts'
import { createClient } from '../client.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { objectOf } from '../kinds.ts'
import { listAll } from '../list.ts'
import type { AddCommand } from '../main.ts'
import { asJson, asYaml, type Format, labelText, table } from '../output.ts'

/** `weir get`: one object, or a list of one kind. */
export const getCommand: AddCommand = (program, cli) => {
  const command = program
    .command('get')
    .description('print one object, or list those of a kind')
    .argument('<kind>', 'a kind (routes, Route) or one object (routes/echo)')
    .argument('[name]', 'name of the object')
    .addOption(
      new Option('-o, --output <format>', 'how to print it (a list: table, an object: yaml)').choices([
        'table',
        'json',
        'yaml',
      ]),
    )
    .addHelpText('after', '\nExample: weir get routes/echo -o json')
  withConnection(command).action(async (first: string, second: string | undefined, options: Options) => {
    const { kind, name } = objectOf(first, second)
    const client = createClient(connectionOf(options, cli), cli)
    if (name !== undefined) {
      const { text } = await client({ method: 'GET', path: `/v1/${kind.plural}/${encodeURIComponent(name)}` })
      const document = JSON.parse(text) as Document
      cli.stdout.write(printed([document], options.output ?? 'yaml', cli.stdout, document))
      return
    }
    const documents = await listAll(client, kind.plural)
    cli.stdout.write(printed(documents, options.output ?? 'table', cli.stdout, documents))
  })
}

interface Options extends ConnectionOptions {
  output?: Format
}

function printed(
  documents: readonly Document[],
  format: Format,
  stream: NodeJS.WriteStream,
  whole: unknown,
): string {
  if (format === 'json') return asJson(whole)
  if (format === 'yaml') return documents.map(asYaml).join('---\n')
  const rows = documents.map(({ name, owner, labels }) => [name, owner || '-', labelText(labels)])
  return table(stream, ['NAME', 'OWNER', 'LABELS'], rows)
}
