import { InvalidArgumentError } from 'commander'
import { Usage } from '../cli.ts'
import { ApiRefused, type Client, createClient } from '../client.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { objectOf } from '../kinds.ts'
import type { AddCommand } from '../main.ts'
import { asJson, asYaml, type Format, outputOption, table } from '../output.ts'

interface Revision {
  revision: number
  at: string
  author: string
  message: string
}

/** `weir history`: the latest revisions, or those that gave one object its forms. */
export const historyCommand: AddCommand = (program, cli) => {
  const command = program
    .command('history')
    .description('list the latest revisions: who wrote when and why')
    .argument('[object]', 'only those that changed this object (routes/echo), back to its creation')
    .option('-n, --number <count>', 'how many, at most 1000', readCount, 20)
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', '\nExample: weir history routes/echo -n 5')
  withConnection(command).action(async (object: string | undefined, options: Options) => {
    const client = createClient(connectionOf(options, cli), cli)
    const items =
      object === undefined
        ? await revisions(client, options.number)
        : await revisionsOf(client, object, options.number)
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

interface Options extends ConnectionOptions {
  number: number
  output: Format
}

async function revisions(client: Client, limit: number): Promise<Revision[]> {
  const { text } = await client({ method: 'GET', path: `/v1/revisions?limit=${limit}` })
  return (JSON.parse(text) as { items: Revision[] }).items
}

/** From each form of the object, whose ETag is its revision, to the one before. */
async function revisionsOf(client: Client, object: string, limit: number): Promise<Revision[]> {
  const { kind, name } = objectOf(object, undefined)
  if (name === undefined || name === '') throw new Usage(`write its name, too, as in ${kind.plural}/echo`)
  const path = `/v1/${kind.plural}/${encodeURIComponent(name)}`
  const found: Revision[] = []
  let at = ''
  while (found.length < limit) {
    const answer = await client({ method: 'GET', path: `${path}${at}` }).catch((error) => {
      // Before its creation, or before what is kept of the history.
      if (found.length > 0 && error instanceof ApiRefused && [404, 410].includes(error.status))
        return undefined
      throw error
    })
    if (answer === undefined) break
    const revision = Number(answer.headers.get('etag')?.replaceAll('"', ''))
    const { text } = await client({ method: 'GET', path: `/v1/revisions/${revision}` })
    found.push(JSON.parse(text) as Revision)
    if (revision <= 1) break
    at = `?at=${revision - 1}`
  }
  return found
}

function readCount(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= 1_000) return count
  throw new InvalidArgumentError('Write a whole number from 1 to 1000.')
}
