import { X509Certificate } from 'node:crypto'
import type { Metadata } from '@grpc/grpc-js'
import { gatewaysOf } from './certificate-names.ts'

/** Which gateways a peer may fetch, and until when, in milliseconds since 1970. */
export interface Pass {
  readonly by: 'certificate' | 'token'
  readonly gateways: readonly string[]
  readonly until: number
}

/** What a peer has to show; where neither is asked for, whoever reaches xDS may fetch everything. */
export interface Passes {
  /** Certificates that the connection's TLS has verified count. */
  readonly certificates: boolean
  /** What a genuine token says; absent where tokens count for nothing. */
  readonly readToken?: ((token: string) => Pick<Pass, 'gateways' | 'until'> | undefined) | undefined
}

/** Why a peer is not served. */
export interface Denial {
  readonly code: 'UNAUTHENTICATED' | 'PERMISSION_DENIED'
  readonly message: string
}

/** What a call shows: its metadata, and the certificate of its connection, or why that one was not verified. */
export interface Shown {
  readonly metadata: Metadata
  readonly certificate: Uint8Array | undefined
  readonly unverified: string | undefined
}

/** The pass that a call shows. Where it shows a token that counts, its certificate does not. */
export function passOf(shown: Shown, passes: Passes): Pass | Denial {
  const { certificates, readToken } = passes
  const values = shown.metadata.get('authorization')
  if (readToken !== undefined && values.length > 0) {
    const [, token] = /^Bearer +(\S+)$/i.exec(String(values[0])) ?? []
    const said = token === undefined || values.length > 1 ? undefined : readToken(token)
    return said === undefined
      ? unauthenticated('the token is not one of this weir: make one with `weir token xds`')
      : { by: 'token', ...said }
  }
  if (certificates && shown.certificate !== undefined) {
    const { subjectAltName, validToDate } = new X509Certificate(shown.certificate)
    return { by: 'certificate', gateways: gatewaysOf(subjectAltName), until: validToDate.getTime() }
  }
  if (certificates && shown.unverified !== undefined) {
    return unauthenticated(`the certificate is not accepted: ${shown.unverified}`)
  }
  const wanted = certificates ? (readToken ? 'a certificate or a token' : 'a certificate') : 'a token'
  return unauthenticated(`show ${wanted} that says which gateways you may fetch (docs/xds-security.md)`)
}

/** Why a pass is not good for a gateway at a time, if it is not. */
export function denial(pass: Pass, gateway: string, now: number): Denial | undefined {
  const { by, gateways, until } = pass
  if (until <= now) return unauthenticated(expired(pass))
  if (gateways.includes(gateway)) return undefined
  const named = gateways.length === 0 ? 'no gateway' : gateways.slice(0, 10).join(', ')
  return { code: 'PERMISSION_DENIED', message: `the ${by} is for ${named}, and not for gateway "${gateway}"` }
}

export function expired({ by, until }: Pass): string {
  return `the ${by} has expired: it was good until ${new Date(until).toISOString()}`
}

function unauthenticated(message: string): Denial {
  return { code: 'UNAUTHENTICATED', message }
}
