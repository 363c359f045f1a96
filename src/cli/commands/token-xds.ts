import type { Command } from 'commander'
import type { XdsToken } from '../../admin/routes/xds-tokens.ts'
import { createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { asJson, asYaml, type Format, outputOption } from '../output.ts'
import { printWarnings, refusalsPrinted } from '../write-result.ts'

interface Options extends ConnectionOptions {
  gateway: string[]
  expires?: string
  output: Format
}

/** `weir token xds`: a token by which an Envoy fetches its configuration. */
export const xdsTokenCommand: AddCommand = (group, cli) => {
  const command = group
    .command('xds')
    .description('print a token with which an Envoy may fetch gateways')
    .requiredOption(
      '-g, --gateway <name>',
      'a gateway that it may fetch; may be repeated',
      (name: string, others: string[] = []) => [...others, name],
    )
    .option('--expires <duration>', 'for how long it is good, as in 24h (720h)')
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', '\nExample: weir token xds --gateway edge > edge.token')
  withConnection(command).action(async (_given: Options, own: Command) => {
    // `weir token` takes the options that both have.
    const { gateway: gateways, expires, ...options } = own.optsWithGlobals<Options>()
    const client = createClient(connectionOf(options, cli), cli)
    const body = JSON.stringify({ gateways, ...(expires !== undefined && { expires }) })
    const headers = { 'content-type': 'application/json' }
    const write = { see: 'Run it again: a token that nobody has does no harm.' }
    const request = { method: 'POST', path: '/v1/xds-tokens', headers, body, write }
    const { text } = await refusalsPrinted(options, cli, () => client(request))
    const made = JSON.parse(text) as XdsToken
    // The pointer is into the request, which nobody wrote here.
    printWarnings(
      made.warnings.map((warning) => ({ ...warning, pointer: '' })),
      cli,
    )
    if (options.output === 'json') cli.stdout.write(asJson(made))
    else cli.stdout.write(options.output === 'yaml' ? asYaml(made) : `${made.token}\n`)
  })
}
