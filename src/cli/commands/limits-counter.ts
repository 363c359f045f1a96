import { type Command, InvalidArgumentError } from 'commander'
import type { Counter } from '../../admin/limit-json.ts'
import type { Cli } from '../cli.ts'
import { type Client, createClient, type Request } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { keyText, numbersText } from '../limit-text.ts'
import { asJson, asYaml, type Format, outputOption, table } from '../output.ts'

interface Options extends ConnectionOptions {
  output: Format
}

/** `weir limits peek`: one counter as it is now. */
export const peekCommand: AddCommand = (group, cli) => {
  const command = group.command('peek').description('print one counter of a policy')
  counterOf(command, 'weir limits peek per-key K83vASNFZ4mrze8BI0VniQ').action(
    async (policy: string, id: string, options: Options) => {
      await answered(options, cli, { method: 'GET', path: pathOf(policy, id) })
    },
  )
}

/** `weir limits reset`: a counter that is idle again. */
export const resetCommand: AddCommand = (group, cli) => {
  const command = group.command('reset').description('forget what a counter of a policy has in use')
  counterOf(command, 'weir limits reset per-key K83vASNFZ4mrze8BI0VniQ').action(
    async (policy: string, id: string, options: Options) => {
      await answered(options, cli, { method: 'DELETE', path: pathOf(policy, id), write: seen(policy, id) })
    },
  )
}

/** `weir limits grant`: a counter with less in use. */
export const grantCommand: AddCommand = (group, cli) => {
  const command = group
    .command('grant')
    .description('give a counter of a policy back some of what it has in use')
  counterOf(command, 'weir limits grant per-key K83vASNFZ4mrze8BI0VniQ 10')
    .argument('<amount>', 'how much; never more than is in use', readAmount)
    .action(async (policy: string, id: string, amount: number, options: Options) => {
      const headers = { 'content-type': 'application/json' }
      const body = JSON.stringify({ amount })
      const write = seen(policy, id)
      await answered(options, cli, { method: 'POST', path: pathOf(policy, id), headers, body, write })
    })
}

function counterOf(command: Command, example: string): Command {
  const described = command
    .argument('<policy>', 'name of the RateLimitPolicy')
    .argument('<id>', 'as `weir limits top` and `weir explain` print it')
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', `\nExample: ${example}`)
  return withConnection(described)
}

function pathOf(policy: string, id: string): string {
  return `/v1/rate-limit-policies/${encodeURIComponent(policy)}/keys/${encodeURIComponent(id)}`
}

function seen(policy: string, id: string): Request['write'] {
  return { see: `\`weir limits peek ${policy} ${id}\` shows what is in use.` }
}

async function answered(options: Options, cli: Cli, request: Request): Promise<void> {
  const client: Client = createClient(connectionOf(options, cli), cli)
  const { text } = await client(request)
  const counter = JSON.parse(text) as Counter
  if (options.output === 'json') cli.stdout.write(asJson(counter))
  else if (options.output === 'yaml') cli.stdout.write(asYaml(counter))
  else {
    const { id, parts, state, used, limit, remaining, reset, numbers } = counter
    const head = ['STATE', 'USED', 'LEFT', 'RESET', 'NUMBERS', 'KEY', 'ID']
    const left = `${remaining} of ${limit}`
    const row = [state, String(used), left, `${reset}s`, numbersText(numbers), keyText(parts), id]
    cli.stdout.write(table(cli.stdout, head, [row]))
  }
}

function readAmount(text: string): number {
  const amount = Number(text)
  if (/^\d+$/.test(text) && amount >= 1 && amount <= 1_000_000_000) return amount
  throw new InvalidArgumentError('Write a whole number from 1 to 1000000000, in digits.')
}
