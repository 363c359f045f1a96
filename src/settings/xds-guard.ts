import { resolve } from 'node:path'
import { startupError } from '../errors.ts'

/** How xDS is kept from others than the Envoys. */
export interface XdsGuard {
  /** Files of PEM text, looked at again while weir runs; absent: plaintext. */
  tls: { certificateFile: string; keyFile: string; clientCaFile: string | undefined } | undefined
  /** Tokens say which gateways an Envoy may fetch. */
  tokens: boolean
}

type Values = Readonly<Record<string, string | undefined>>

/** Throws a start-up error. */
export function xdsGuardOf(values: Values): XdsGuard {
  const [certificateFile, keyFile, clientCaFile] = [
    'WEIR_XDS_TLS_CERT',
    'WEIR_XDS_TLS_KEY',
    'WEIR_XDS_TLS_CLIENT_CA',
  ].map((variable) => {
    const text = values[variable]?.trim()
    return text ? resolve(text) : undefined
  })
  const tokens = tokensOf(values)
  if (certificateFile !== undefined && keyFile !== undefined)
    return { tls: { certificateFile, keyFile, clientCaFile }, tokens }
  if (certificateFile !== undefined || keyFile !== undefined) {
    const missing = keyFile === undefined ? 'WEIR_XDS_TLS_KEY' : 'WEIR_XDS_TLS_CERT'
    throw startupError('A certificate and its key belong together.', `Set ${missing}, too.`)
  }
  if (clientCaFile !== undefined) {
    throw startupError(
      'WEIR_XDS_TLS_CLIENT_CA asks for certificates, and xDS has no TLS.',
      'Set WEIR_XDS_TLS_CERT and WEIR_XDS_TLS_KEY.',
    )
  }
  return { tls: undefined, tokens }
}

function tokensOf(values: Values): boolean {
  const text = values.WEIR_XDS_TOKENS?.trim() || 'false'
  if (text === 'true' || text === 'false') return text === 'true'
  throw startupError(`WEIR_XDS_TOKENS=${text} is not known:`, 'write true or false.')
}

/** Whether anything is asked of who fetches, or at least nobody on the way can read along. */
export function isGuarded({ tls, tokens }: XdsGuard): boolean {
  return tls !== undefined || tokens
}

/** The Envoys that weir runs have neither a certificate nor a token. */
export function refuseLocalEnvoys({ envoy, xdsGuard }: { envoy: 'auto' | 'off'; xdsGuard: XdsGuard }): void {
  if (envoy === 'off' || !isGuarded(xdsGuard)) return
  throw startupError(
    'The Envoys that weir runs itself join without TLS and without a token.',
    'Set WEIR_ENVOY=off, or leave out WEIR_XDS_TLS_CERT and WEIR_XDS_TOKENS.',
  )
}
