import { kindList } from '../../admin/kind-list.ts'
import { createClient } from '../client.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { kindOf } from '../kinds.ts'
import { listAll } from '../list.ts'
import type { AddCommand } from '../main.ts'
import { asJson, type Format, outputOption } from '../output.ts'

/** `weir export`: all objects, ready for `weir apply`. */
export const exportCommand: AddCommand = (program, cli) => {
  const command = program
    .command('export')
    .description('print all objects, ready for `weir apply`')
    .option('-k, --kind <kind>', 'only objects of this kind')
    .addOption(outputOption(['yaml', 'json'], 'yaml'))
    .addHelpText('after', '\nExample: weir export > backup.yaml')
  withConnection(command).action(async (options: { kind?: string; output: Format } & ConnectionOptions) => {
    const kind = options.kind === undefined ? undefined : kindOf(options.kind)
    const client = createClient(connectionOf(options, cli), cli)
    if (options.output === 'json') {
      const lists = (kind === undefined ? kindList : [kind]).map(({ plural }) => listAll(client, plural))
      cli.stdout.write(asJson((await Promise.all(lists)).flat()))
      return
    }
    const { text } = await client({
      method: 'GET',
      path: `/v1/export${kind === undefined ? '' : `?kind=${kind.kind}`}`,
    })
    cli.stdout.write(text)
  })
}
