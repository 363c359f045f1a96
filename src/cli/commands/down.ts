import { takeDown } from '../../local/down.ts'
import type { AddCommand } from '../command.ts'
import { dataDirOf, withDataDir } from '../connection.ts'
import { asJson, asYaml, type Format, outputOption } from '../output.ts'

/** `weir down`: ends weir and what a killed weir left. */
export const downCommand: AddCommand = (program, cli) => {
  const command = program
    .command('down')
    .description('stop weir and everything that it started on this machine')
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', '\nExample: weir down')
  withDataDir(command).action(async (options: { output: Format; dataDir?: string }) => {
    const dataDir = dataDirOf(options, cli)
    const ended = await takeDown(dataDir)
    if (options.output === 'json') cli.stdout.write(asJson(ended))
    else if (options.output === 'yaml') cli.stdout.write(asYaml(ended))
    else {
      const weir = ended.weir === undefined ? [] : [{ name: 'weir', pid: ended.weir }]
      const lines = [...weir, ...ended.children].map(({ name, pid }) => `stopped ${name} (pid ${pid})`)
      cli.stdout.write(`${lines.length > 0 ? lines.join('\n') : `nothing runs in ${dataDir}`}\n`)
    }
  })
}
