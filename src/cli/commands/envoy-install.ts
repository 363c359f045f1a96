import { envoyProgram } from '../../local/envoy-binary.ts'
import { ensureProgram } from '../../local/program.ts'
import type { Event } from '../../observe.ts'
import type { AddCommand } from '../command.ts'
import { dataDirOf, withDataDir } from '../connection.ts'
import { asJson, asYaml, type Format, outputOption } from '../output.ts'

/** `weir envoy install`: makes sure that this machine has the Envoy that weir needs. */
export const installCommand: AddCommand = (group, cli) => {
  const command = group
    .command('install')
    .description('find an Envoy 1.40 (ENVOY_BIN, PATH, the data dir) or install one into the data dir')
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', '\nExample: weir envoy install')
  withDataDir(command).action(async (options: { output: Format; dataDir?: string }) => {
    const { environment, signal, stderr, stdout } = cli
    const observe = (event: Event) => {
      if (event.event === 'step') stderr.write(`weir: ${event.detail}\n`)
    }
    const dataDir = dataDirOf(options, cli)
    const envoy = await ensureProgram(envoyProgram, {
      given: environment.ENVOY_BIN,
      path: environment.PATH,
      dataDir,
      observe,
      signal,
    })
    if (options.output === 'json') stdout.write(asJson(envoy))
    else stdout.write(options.output === 'yaml' ? asYaml(envoy) : `${envoy.path}\n`)
  })
}
