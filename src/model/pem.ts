/**
 * Why a text is not PEM (RFC 7468) of that label, if it is not: `PRIVATE KEY` stands for each of its kinds. Whether a key
 * fits its certificate is asked where both are at hand.
 */
export function pemProblem(text: string, label: 'CERTIFICATE' | 'PRIVATE KEY'): string | undefined {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g)]
  // A key in a form that is no block here, too: as part of a certificate it would be kept in clear.
  if (label === 'CERTIFICATE' && text.includes('PRIVATE KEY'))
    return 'holds a PRIVATE KEY where a CERTIFICATE is wanted'
  if (blocks.length === 0) return 'is not PEM text'
  const others = blocks.map((block) => block[1]!).filter((found) => !found.endsWith(label))
  if (others.length > 0) return `holds a ${others[0]} where a ${label} is wanted`
  if (label === 'PRIVATE KEY' && blocks.length > 1) return 'holds more than one private key'
  if (blocks.some((block) => block[1]!.startsWith('ENCRYPTED'))) return 'is protected by a passphrase'
  return undefined
}
