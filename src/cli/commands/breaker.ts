import type { Command } from 'commander'
import type { Breaker } from '../../model/breaker-json.ts'
import { breakerTable } from '../breaker-text.ts'
import type { Cli } from '../cli.ts'
import { createClient, type Request } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { asJson, asYaml, type Format, outputOption } from '../output.ts'
import { printable } from '../text.ts'
import { authorshipHeaders } from '../write-result.ts'

interface Options extends ConnectionOptions {
  output: Format
  message?: string
  for?: string
}

/** `weir breaker`: the strict circuit breakers of clusters. */
export const breakerCommand: AddCommand = (program, cli) => {
  const group = program
    .command('breaker')
    .description('breaker status, breaker open, breaker close: the circuit breakers of clusters')
    .helpCommand(false)
    .addHelpText('after', '\nExample: weir breaker status')
  status(group, cli)
  const open = actionOf(group, 'open', 'refuse every request to a cluster, in the whole fleet')
    .option('--for <duration>', 'how long until probes go (default: until it is closed by hand)')
    .addHelpText('after', '\nExample: weir breaker open shop --for 10m -m "it is being repaired"')
  act(open, cli, 'open')
  const close = actionOf(
    group,
    'close',
    'let requests to a cluster go, and count outcomes from none on',
  ).addHelpText('after', '\nExample: weir breaker close shop')
  act(close, cli, 'closed')
}

function status(group: Command, cli: Cli): void {
  const command = group
    .command('status')
    .description('print the circuit breakers of all clusters that have one')
    .argument('[cluster]', 'only this one')
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', '\nExample: weir breaker status shop -o json')
  withConnection(command).action(async (cluster: string | undefined, options: Options) => {
    const client = createClient(connectionOf(options, cli), cli)
    if (cluster !== undefined) {
      const { text } = await client({ method: 'GET', path: pathOf(cluster) })
      const breaker = JSON.parse(text) as Breaker
      print([breaker], breaker, breaker.warnings, options, cli)
      return
    }
    const { text } = await client({ method: 'GET', path: '/v1/breakers' })
    const { items, warnings } = JSON.parse(text) as { items: Breaker[]; warnings: string[] }
    print(items, items, warnings, options, cli)
  })
}

function actionOf(group: Command, name: string, description: string): Command {
  return withConnection(
    group
      .command(name)
      .description(description)
      .argument('<cluster>', 'whose breaker')
      .option('-m, --message <text>', 'why; shown with the breaker and in the events')
      .addOption(outputOption(['table', 'json', 'yaml'], 'table')),
  )
}

function act(command: Command, cli: Cli, state: 'open' | 'closed'): void {
  command.action(async (cluster: string, options: Options) => {
    const headers = { 'content-type': 'application/json', ...authorshipHeaders(options.message) }
    const body = JSON.stringify({ state, ...(options.for !== undefined && { for: options.for }) })
    const write: Request['write'] = { see: `\`weir breaker status ${cluster}\` shows its state.` }
    const client = createClient(connectionOf(options, cli), cli)
    const { text } = await client({ method: 'POST', path: pathOf(cluster), headers, body, write })
    const breaker = JSON.parse(text) as Breaker
    print([breaker], breaker, breaker.warnings, options, cli)
  })
}

function pathOf(cluster: string): string {
  return `/v1/clusters/${encodeURIComponent(cluster)}/breaker`
}

function print(
  breakers: readonly Breaker[],
  shown: unknown,
  warnings: readonly string[],
  { output }: Options,
  { stdout, stderr }: Cli,
): void {
  if (output === 'json') stdout.write(asJson(shown))
  else if (output === 'yaml') stdout.write(asYaml(shown))
  else if (breakers.length === 0) stdout.write('no cluster has a circuit breaker\n')
  else stdout.write(breakerTable(breakers, stdout))
  for (const warning of warnings) stderr.write(`warning: ${printable(warning)}\n`)
}
