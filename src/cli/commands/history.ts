import { InvalidArgumentError } from 'commander'
import { createClient } from '../client.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import type { AddCommand } from '../main.ts'
import { asJson, asYaml, type Format, outputOption, table } from '../output.ts'

interface Revision {
  revision: number
  at: string
  author: string
  message: string
}

/** `weir history`: the latest revisions. */
export const historyCommand: AddCommand = (program, cli) => {
  const command = program
    .command('history')
    .description('list the latest revisions: who wrote when and why')
    .option('-n, --number <count>', 'how many, at most 1000', readCount, 20)
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', '\nExample: weir history -n 5')
  withConnection(command).action(async (options: { number: number; output: Format } & ConnectionOptions) => {
    const client = createClient(connectionOf(options, cli), cli)
    const { text } = await client({ method: 'GET', path: `/v1/revisions?limit=${options.number}` })
    const { items } = JSON.parse(text) as { items: Revision[] }
    if (options.output === 'json') cli.stdout.write(asJson(items))
    else if (options.output === 'yaml') cli.stdout.write(asYaml(items))
    else {
      const rows = items.map(({ revision, at, author, message }) => [
        String(revision),
        at,
        author,
        message || '-',
      ])
      cli.stdout.write(table(cli.stdout, ['REVISION', 'AT', 'AUTHOR', 'MESSAGE'], rows))
    }
  })
}

function readCount(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= 1_000) return count
  throw new InvalidArgumentError('Write a whole number from 1 to 1000.')
}
