import { InvalidArgumentError } from 'commander'
import { Refused, Usage } from '../cli.ts'
import { type Client, createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { objectOf } from '../kinds.ts'
import { asJson, asYaml, type Format, outputOption, table } from '../output.ts'
import { printable } from '../text.ts'

interface Revision {
  revision: number
  at: string
  author: string
  message: string
  /** Its state cannot be read any more. */
  compacted: boolean
  /** What became of it where it went in waves. */
  rollouts?: { gateway: string; state: string; reason: string }[]
}

/** `weir history`: the latest revisions, or those that gave one object its forms. */
export const historyCommand: AddCommand = (program, cli) => {
  const command = program
    .command('history')
    .description('list the latest revisions: who wrote when and why, and which states are compacted away')
    .argument('[object]', 'only those that created, changed or deleted this object (routes/echo)')
    .option('-n, --number <count>', 'how many, at most 1000', readCount, 20)
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', '\nExample: weir history routes/echo -n 5')
  withConnection(command).action(async (object: string | undefined, options: Options) => {
    const id = object === undefined ? undefined : idOf(object)
    const client = createClient(connectionOf(options, cli), cli)
    const items = await revisions(client, options.number, id)
    if (id !== undefined && items.length === 0)
      throw new Refused(`there is no ${id} in the history, or no more.`, '`weir history` lists what is kept.')
    if (options.output === 'json') cli.stdout.write(asJson(items))
    else if (options.output === 'yaml') cli.stdout.write(asYaml(items))
    else {
      const rows = items.map(({ revision, at, author, compacted, message }) => [
        String(revision),
        at,
        author,
        compacted ? 'compacted' : 'readable',
        message || '-',
      ])
      const head = ['REVISION', 'AT', 'AUTHOR', 'STATE', 'MESSAGE']
      cli.stdout.write(`${table(cli.stdout, head, rows)}${items.map(notInForce).join('')}`)
    }
  })
}

/** A line for each gateway that does not have it though it was written. */
function notInForce({ revision, rollouts = [] }: Revision): string {
  return rollouts
    .filter(({ state }) => state === 'reverted')
    .map(
      ({ gateway, reason }) => `${printable(`revision ${revision} was reverted at ${gateway}: ${reason}`)}\n`,
    )
    .join('')
}

interface Options extends ConnectionOptions {
  number: number
  output: Format
}

function idOf(object: string): string {
  const { kind, name } = objectOf(object, undefined)
  if (name === undefined || name === '') throw new Usage(`write its name, too, as in ${kind.plural}/echo`)
  return `${kind.kind}/${name}`
}

async function revisions(client: Client, limit: number, object: string | undefined): Promise<Revision[]> {
  const query = new URLSearchParams({ limit: String(limit), ...(object === undefined ? {} : { object }) })
  const { text } = await client({ method: 'GET', path: `/v1/revisions?${query}` })
  return (JSON.parse(text) as { items: Revision[] }).items
}

function readCount(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= 1_000) return count
  throw new InvalidArgumentError('Write a whole number from 1 to 1000.')
}
