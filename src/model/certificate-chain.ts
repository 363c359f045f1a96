import type { X509Certificate } from 'node:crypto'

const day = 86_400_000
/** A certificate that ends sooner is worth a word. */
const soonDays = 14

/**
 * Why a chain would not serve, if it would not: each certificate must be signed by the one after it (RFC 8446, section
 * 4.4.2), and none by what clients take for broken. The signature of a root is looked at by nobody.
 */
export function chainProblem(chain: readonly X509Certificate[]): string | undefined {
  for (const [index, certificate] of chain.entries()) {
    const which = index === 0 ? 'the certificate' : `certificate ${index + 1} of the chain`
    const next = chain[index + 1]
    if (next !== undefined && !isSignedBy(certificate, next))
      return `${which} is not signed by the one after it`
    const bits = certificate.publicKey.asymmetricKeyDetails?.modulusLength
    if (certificate.publicKey.asymmetricKeyType === 'rsa' && bits !== undefined && bits < 2_048)
      return `${which} has an RSA key of ${bits} bits`
    if (/sha1/i.test(certificate.signatureAlgorithm ?? '') && !isSelfSigned(certificate))
      return `${which} is signed by way of SHA-1`
  }
  return undefined
}

/** What is to be known of the time in which certificates are good, if anything is. `now` in milliseconds. */
export function validityMessage(chain: readonly X509Certificate[], now: number): string | undefined {
  for (const { validFromDate, validToDate } of chain) {
    if (now > validToDate.getTime()) return `it has expired: it was good until ${validToDate.toISOString()}`
    if (now < validFromDate.getTime()) return `it is not good before ${validFromDate.toISOString()}`
    if (now > validToDate.getTime() - soonDays * day)
      return `it expires soon, at ${validToDate.toISOString()}`
  }
  return undefined
}

/** Whether any of the chain has expired. */
export function isExpired(chain: readonly X509Certificate[], now: number): boolean {
  return chain.some(({ validToDate }) => now > validToDate.getTime())
}

function isSignedBy(certificate: X509Certificate, signer: X509Certificate): boolean {
  return certificate.checkIssued(signer) && certificate.verify(signer.publicKey)
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return isSignedBy(certificate, certificate)
}
