import type { Command } from 'commander'
import type { XdsAccess } from '../bootstrap/access.ts'
import { Usage } from './cli.ts'

export interface AccessOptions {
  xdsCa?: string
  xdsCert?: string
  xdsKey?: string
  xdsTokenFile?: string
  xdsServerName?: string[]
  xdsSecrets?: string
}

/** The options that say what an Envoy shows to a guarded xDS, and trusts of it. */
export function withAccess(command: Command): Command {
  return command
    .option(
      '--xds-ca <file>',
      "file of the CAs that weir's certificate is signed by: xDS over TLS (plaintext)",
    )
    .option('--xds-cert <file>', "file of the Envoy's own certificate, which says its gateway")
    .option('--xds-key <file>', 'file of its private key')
    .option('--xds-token-file <file>', 'file of a token of `weir token xds`, in place of a certificate')
}

/** What they say together; nothing where none is given. Files are not looked at: they may be on another machine. */
export function accessOf(options: AccessOptions, xds: readonly { host: string }[]): XdsAccess | undefined {
  const { xdsCa: ca, xdsCert: certificate, xdsKey: privateKey, xdsTokenFile: tokenFile } = options
  const { xdsServerName, xdsSecrets: secretsFolder } = options
  if ((certificate === undefined) !== (privateKey === undefined))
    throw new Usage('--xds-cert and --xds-key belong together: pass both')
  if (certificate !== undefined && ca === undefined)
    throw new Usage('--xds-cert is for TLS: pass --xds-ca, too')
  if (xdsServerName !== undefined && ca === undefined)
    throw new Usage('--xds-server-name is for TLS: pass --xds-ca, too')
  if (ca === undefined && tokenFile === undefined) {
    if (secretsFolder !== undefined)
      throw new Usage('--xds-secrets is for what is in --xds-ca, --xds-cert or --xds-token-file: pass one')
    return undefined
  }
  const serverNames = xdsServerName ?? [...new Set(xds.map(({ host }) => host))]
  return { ca, serverNames, certificate, privateKey, tokenFile, secretsFolder }
}
