import type { Rotation } from '../../admin/routes/secrets.ts'
import { createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { asJson, asYaml, type Format, outputOption } from '../output.ts'
import { refusalsPrinted } from '../write-result.ts'

/** `weir secrets`: what is to be done about the keys of secrets. */
export const secretsCommand: AddCommand = (program, cli) => {
  const secrets = program
    .command('secrets')
    .description('look after the keys of private keys and API keys')
    .addHelpText('after', '\nExample: weir secrets rotate-key')
  const command = secrets
    .command('rotate-key')
    .description('put all secrets under WEIR_SECRET_KEY, or under a new key of the data dir')
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', explanation)
  withConnection(command).action(async (options: { output: Format } & ConnectionOptions) => {
    const client = createClient(connectionOf(options, cli), cli)
    const write = { see: 'Run it again: to rotate once more does no harm.' }
    const request = { method: 'POST', path: '/v1/secrets/rotate', write }
    const { text } = await refusalsPrinted(options, cli, () => client(request))
    const rotation = JSON.parse(text) as Rotation
    if (options.output === 'json') cli.stdout.write(asJson(rotation))
    else if (options.output === 'yaml') cli.stdout.write(asYaml(rotation))
    else cli.stdout.write(`${described(rotation)}\n`)
  })
}

const explanation = `
The keys stay with the server: nothing of them is sent or printed, only their ids.
Where weir made the key itself (secret.key in its data dir), it makes a new one. Where you set WEIR_SECRET_KEY, first
restart every replica with the new key in WEIR_SECRET_KEY and the present one in WEIR_SECRET_KEY_PREVIOUS; afterwards
WEIR_SECRET_KEY_PREVIOUS is no longer needed.

Example: weir secrets rotate-key`

function described({ from, to, secrets }: Rotation): string {
  return `key ${to} is in force instead of ${from}; ${secrets} encrypted secrets are under it`
}
