import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { secretFilesOf } from '../../bootstrap/access.ts'
import { messageOf } from '../../errors.ts'
import { Refused, Usage } from '../cli.ts'
import type { AddCommand } from '../command.ts'
import { type AccessOptions, accessOf, withAccess } from '../xds-access.ts'

const help = `
They hold the paths of the files and nothing of what is in them. Envoy reads a file again when another is renamed to it, or
when the folder is a volume of Kubernetes that changes.

Example: weir envoy secrets --xds-ca ca.pem --xds-token-file edge.token --into /etc/envoy/weir`

/** `weir envoy secrets`: files beside a bootstrap by which an Envoy notices that certificates or tokens are replaced. */
export const envoySecretsCommand: AddCommand = (group, cli) => {
  withAccess(group.command('secrets'))
    .description('write the files by which an Envoy notices that its certificate or token was replaced')
    .requiredOption('--into <folder>', 'where to; the bootstrap names it by --xds-secrets')
    .addHelpText('after', help)
    .action(({ into, ...given }: AccessOptions & { into: string }) => {
      const access = accessOf(given, [])
      if (access === undefined)
        throw new Usage('pass --xds-ca, --xds-cert and --xds-key, or --xds-token-file')
      for (const [name, value] of secretFilesOf(access)) {
        const path = join(into, name)
        write(into, path, `${JSON.stringify(value, null, 2)}\n`)
        cli.stdout.write(`${path}\n`)
      }
    })
}

/** Whole, since an Envoy may be looking. */
function write(folder: string, path: string, text: string): void {
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  } catch (error) {
    throw new Refused(`${path} cannot be written: ${messageOf(error)}`)
  }
}
