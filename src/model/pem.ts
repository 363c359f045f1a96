import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'

/**
 * Why a text is not PEM (RFC 7468) of that label which Envoy can serve, if it is not: `PRIVATE KEY` stands for each of
 * its kinds. Whether a key fits its certificate is asked where both are at hand.
 */
export function pemProblem(
  text: string,
  label: 'CERTIFICATE' | 'PRIVATE KEY' | 'X509 CRL',
): string | undefined {
  // A key in a form that is no block here, too: as part of another text it would be kept in clear.
  if (label !== 'PRIVATE KEY' && text.includes('PRIVATE KEY'))
    return `holds a PRIVATE KEY where a ${label} is wanted`
  // The old form of encrypted keys (RFC 1421, section 4.6.1.1) has headers in its block.
  if (label === 'PRIVATE KEY' && /^Proc-Type:.*ENCRYPTED/m.test(text)) return 'is protected by a passphrase'
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g)]
  if (blocks.length === 0) return 'is not PEM text'
  const others = blocks.map((block) => block[1]!).filter((found) => !found.endsWith(label))
  if (others.length > 0) return `holds a ${others[0]} where a ${label} is wanted`
  if (label === 'PRIVATE KEY' && blocks.length > 1) return 'holds more than one private key'
  if (blocks.some((block) => block[1]!.startsWith('ENCRYPTED'))) return 'is protected by a passphrase'
  switch (label) {
    case 'CERTIFICATE':
      return certificateProblem(blocks.map(([block]) => block))
    case 'X509 CRL':
      return blocks.every(([, , base64]) => isSequence(base64!))
        ? undefined
        : 'is PEM text that holds no certificate revocation list'
    case 'PRIVATE KEY':
      return keyProblem(blocks[0]![0])
  }
}

/** The certificates of a PEM text that has no problem. */
export function certificatesIn(text: string): X509Certificate[] {
  const blocks = text.match(/-----BEGIN ([A-Z0-9 ]+)-----[A-Za-z0-9+/=\s]*-----END \1-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block))
}

/** Whether it is one sequence of DER (X.690), whole: what is in it Envoy reads. */
function isSequence(base64: string): boolean {
  const der = Buffer.from(base64, 'base64')
  const length = der[1] ?? 0
  if (der[0] !== 0x30) return false
  if (length < 128) return der.length === 2 + length
  const bytes = length - 128
  if (bytes < 1 || bytes > 4 || der.length < 2 + bytes) return false
  return der.length === 2 + bytes + der.readUIntBE(2, bytes)
}

function certificateProblem(blocks: readonly string[]): string | undefined {
  const unreadable = blocks.findIndex((block) => read(() => new X509Certificate(block)) === undefined)
  if (unreadable < 0) return undefined
  return blocks.length === 1
    ? 'is PEM text that holds no X.509 certificate'
    : `is PEM text whose block ${unreadable + 1} holds no X.509 certificate`
}

function keyProblem(block: string): string | undefined {
  const key = read(() => createPrivateKey(block))
  return key === undefined ? 'is PEM text that holds no private key' : unsupported(key)
}

/** What Envoy 1.40 loads and serves, by trying; its Secret docs name the bound of RSA alone. */
function unsupported({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): string | undefined {
  const { namedCurve = '', modulusLength = 0 } = asymmetricKeyDetails
  if (asymmetricKeyType === 'ed25519') return undefined
  if (asymmetricKeyType === 'ec')
    return curves.has(namedCurve)
      ? undefined
      : `is an ECDSA key over ${namedCurve}, which Envoy does not serve`
  if (asymmetricKeyType !== 'rsa') return `is a key of type ${asymmetricKeyType}, which Envoy does not serve`
  return modulusLength >= minRsaBits
    ? undefined
    : `is an RSA key of ${modulusLength} bits, and Envoy wants ${minRsaBits} or more`
}

const minRsaBits = 2_048
/** P-256, P-384 and P-521. */
const curves = new Set(['prime256v1', 'secp384r1', 'secp521r1'])

/** What is in a text may be secret, and so may be what OpenSSL says of it. */
function read<Value>(make: () => Value): Value | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}
