import { createPublicKey, type webcrypto } from 'node:crypto'

type JsonWebKey = webcrypto.JsonWebKey

/** The least that RFC 7518, section 3.3, lets sign tokens. */
const minRsaBits = 2_048

/** Curves of ECDSA and EdDSA that Envoy 1.40 verifies by. */
const curves = ['P-256', 'P-384', 'P-521', 'Ed25519']

/**
 * Why a text is no key set (RFC 7517) that Envoy can verify tokens by, if it is not: Envoy refuses a whole configuration
 * for one key set without a good key. Keys that are secret have no place in a document.
 */
export function keySetProblem(text: string): string | undefined {
  const set = parse(text)
  if (set === undefined) return 'is not a JSON object with a list "keys"'
  if (set.length === 0) return 'has no keys, so that no token could ever be good'
  for (const [index, key] of set.entries()) {
    const problem = keyProblem(key)
    if (problem !== undefined) return `has a key (${index}) that ${problem}`
  }
  return undefined
}

function parse(text: string): unknown[] | undefined {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown }
    return Array.isArray(keys) ? keys : undefined
  } catch {
    return undefined
  }
}

function keyProblem(key: unknown): string | undefined {
  if (typeof key !== 'object' || key === null) return 'is not an object'
  const { kty, crv, alg } = key as JsonWebKey
  // A shared secret or a private key would stand in the document in clear, and make whoever reads it an issuer.
  if (kty === 'oct' || 'd' in key || 'k' in key) return 'is secret; only public keys may stand here'
  if (kty !== 'RSA' && !curves.includes(crv ?? '')) return `is of a kind that Envoy does not verify by`
  if (alg !== undefined && !algorithmsOf(kty, crv).test(String(alg)))
    return `is for the algorithm ${String(alg).slice(0, 16)}, which is none of its kind`
  try {
    const { asymmetricKeyDetails = {} } = createPublicKey({ key: key as JsonWebKey, format: 'jwk' })
    const { modulusLength = minRsaBits } = asymmetricKeyDetails
    return modulusLength < minRsaBits ? `is shorter than ${minRsaBits} bits` : undefined
  } catch {
    return 'is no public key'
  }
}

/** Algorithms by which a key of that kind verifies (RFC 7518, section 3.1; RFC 8037, section 3.1). */
function algorithmsOf(kty: string | undefined, crv: string | undefined): RegExp {
  if (kty === 'RSA') return /^(RS|PS)(256|384|512)$/
  if (kty === 'OKP') return /^EdDSA$/
  return { 'P-256': /^ES256$/, 'P-384': /^ES384$/, 'P-521': /^ES512$/ }[crv ?? ''] ?? /^$/
}
