import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import type { Placeholder } from '../model/placeholder.ts'
import { SecretText } from '../model/secret-text.ts'
import { bits, element, integer, octets, oid, pem, sequence, set, utcTime, utf8, yes } from './der.ts'

const hour = 3_600_000
const years = 10 * 365 * 24 * hour

/**
 * Certificates that sign themselves, by fresh keys. No client trusts the one that is served, and it is for no name; it
 * is there because Envoy opens no listener for which a certificate is missing.
 */
export function createPlaceholder(now: number): Placeholder {
  const served = selfSigned('weir placeholder', now, false)
  return {
    certificate: served.certificate,
    privateKey: new SecretText(String(served.privateKey.export({ format: 'pem', type: 'pkcs8' }))),
    nobody: selfSigned('weir nobody', now, true).certificate,
  }
}

/** A certificate of version 3 (RFC 5280, section 4.1) over P-256. */
function selfSigned(
  commonName: string,
  now: number,
  isCa: boolean,
): { certificate: string; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(set(sequence(oid('550403'), utf8(commonName))))
  const body = sequence(
    element(0xa0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
    ecdsaWithSha256,
    name,
    sequence(utcTime(now - hour), utcTime(now + years)),
    name,
    publicKey.export({ format: 'der', type: 'spki' }),
    element(0xa3, sequence(sequence(oid('551d13'), yes, octets(sequence(...(isCa ? [yes] : [])))))),
  )
  const der = sequence(body, ecdsaWithSha256, bits(sign('sha256', body, privateKey)))
  return { certificate: pem('CERTIFICATE', der), privateKey }
}

const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))
