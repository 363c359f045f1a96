import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'
import {
  bits,
  element,
  integer,
  octets,
  oid,
  pem,
  sequence,
  set,
  utcTime,
  utf8,
  yes,
} from '../../src/secrets/der.ts'

export interface TestCertificate {
  /** PEM text. */
  certificate: string
  /** PEM text of its key (PKCS #8). */
  privateKey: string
}

/** One that can sign others, and be revoked. */
export interface Issued extends TestCertificate {
  commonName: string
  /** The serial number's bytes. */
  serial: Buffer
}

export interface Wanted {
  commonName: string
  /** Subject alternative names: DNS names, IPv4 addresses, URIs. */
  names?: string[]
  /** Who signs it; else itself. */
  issuer?: Issued
  isCa?: boolean
  /** Milliseconds from now. */
  from?: number
  until?: number
  key?: 'P-256' | 'P-384' | 'rsa'
  digest?: 'sha256' | 'sha1'
}

const hour = 3_600_000

/** Makes a certificate (RFC 5280) in place, so that no key lies in the repository and no program is needed for it. */
export function issue(wanted: Wanted): Issued {
  const { commonName, names = [], issuer, isCa = false, digest = 'sha256' } = wanted
  const { publicKey, privateKey } = keyPair(wanted.key ?? 'P-256')
  const signer = issuer === undefined ? privateKey : createPrivateKey(issuer.privateKey)
  const serial = Buffer.concat([Buffer.of(1), randomBytes(8)])
  const now = Date.now()
  const extensions = [
    sequence(oid('551d13'), yes, octets(sequence(...(isCa ? [yes] : [])))),
    ...(names.length === 0 ? [] : [sequence(oid('551d11'), octets(sequence(...names.map(generalName))))]),
  ]
  const body = sequence(
    element(0xa0, integer(Buffer.of(2))),
    integer(serial),
    algorithm(signer, digest),
    distinguishedName(issuer?.commonName ?? commonName),
    sequence(utcTime(now + (wanted.from ?? -hour)), utcTime(now + (wanted.until ?? 30 * 24 * hour))),
    distinguishedName(commonName),
    publicKey.export({ format: 'der', type: 'spki' }),
    element(0xa3, sequence(...extensions)),
  )
  const certificate = pem('CERTIFICATE', signed(body, signer, digest))
  const text = String(privateKey.export({ format: 'pem', type: 'pkcs8' }))
  return { certificate, privateKey: text, commonName, serial }
}

/** A certificate that signs itself, good for thirty days. */
export function selfSigned(commonName: string): TestCertificate {
  const { certificate, privateKey } = issue({ commonName, isCa: true })
  return { certificate, privateKey }
}

/** A list of a CA's certificates that are revoked (RFC 5280, section 5), as PEM text; `until` in milliseconds from now. */
export function revocationList(ca: Issued, revoked: readonly Issued[], until = 24 * hour): string {
  const signer = createPrivateKey(ca.privateKey)
  const now = Date.now()
  const entries = revoked.map(({ serial }) => sequence(integer(serial), utcTime(now - hour)))
  const body = sequence(
    integer(Buffer.of(1)),
    algorithm(signer, 'sha256'),
    distinguishedName(ca.commonName),
    utcTime(now - 2 * hour),
    utcTime(now + until),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
  )
  return pem('X509 CRL', signed(body, signer, 'sha256'))
}

function keyPair(kind: NonNullable<Wanted['key']>): { publicKey: KeyObject; privateKey: KeyObject } {
  return kind === 'rsa'
    ? generateKeyPairSync('rsa', { modulusLength: 2_048 })
    : generateKeyPairSync('ec', { namedCurve: kind })
}

function signed(body: Buffer, key: KeyObject, digest: 'sha256' | 'sha1'): Buffer {
  return sequence(body, algorithm(key, digest), bits(sign(digest, body, key)))
}

function algorithm({ asymmetricKeyType }: KeyObject, digest: 'sha256' | 'sha1'): Buffer {
  if (asymmetricKeyType === 'ec')
    return sequence(oid(digest === 'sha256' ? '2a8648ce3d040302' : '2a8648ce3d0401'))
  return sequence(
    oid(digest === 'sha256' ? '2a864886f70d01010b' : '2a864886f70d010105'),
    element(0x05, Buffer.alloc(0)),
  )
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(oid('550403'), utf8(commonName))))
}

/** GeneralName (RFC 5280, section 4.2.1.6). */
function generalName(name: string): Buffer {
  if (isIPv4(name)) return element(0x87, Buffer.from(name.split('.').map(Number)))
  if (name.includes('://')) return element(0x86, Buffer.from(name))
  return element(0x82, Buffer.from(name))
}
