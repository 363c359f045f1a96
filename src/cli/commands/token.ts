import { tokenFile } from '../../settings/token.ts'
import { Refused } from '../cli.ts'
import type { AddCommand } from '../command.ts'
import { dataDirOf, readToken, withDataDir } from '../connection.ts'
import { asJson, asYaml, type Format, outputOption } from '../output.ts'
import { xdsTokenCommand } from './token-xds.ts'

/** `weir token`: the bearer token of the admin API; `weir token xds`: one for Envoys. */
export const tokenCommand: AddCommand = (program, cli, done) => {
  const command = program
    .command('token')
    .description('print the bearer token of the admin API; token xds: make one for an Envoy')
    .helpCommand(false)
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText(
      'after',
      '\nExample: curl -H "authorization: Bearer $(weir token)" http://127.0.0.1:8080/v1/fleet',
    )
  withDataDir(command).action((options: { output: Format; dataDir?: string }) => {
    const file = tokenFile(dataDirOf(options, cli))
    const token = cli.environment.WEIR_ADMIN_TOKEN || readToken(file)
    if (token === undefined) {
      throw new Refused(
        `there is no token in ${file}.`,
        'Start weir with `weir up`, or name its folder by --data-dir or WEIR_DATA_DIR.',
      )
    }
    if (options.output === 'json') cli.stdout.write(asJson({ token }))
    else cli.stdout.write(options.output === 'yaml' ? asYaml({ token }) : `${token}\n`)
  })
  xdsTokenCommand(command, cli, done)
}
