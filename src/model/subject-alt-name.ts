import { isIP } from 'node:net'
import { Type } from 'typebox'

/** A name in a certificate besides its subject (RFC 5280, section 4.2.1.6), in the form in which people write it. */
export const SubjectAltName = Type.String({
  description:
    'A subject alternative name: a DNS name, an IP address, an e-mail address or a URI such as a SPIFFE id.',
  pattern: '^[!-~]+$',
  maxLength: 2048,
  remedy: 'write the name as it stands in the certificate, without a prefix such as DNS:',
  examples: ['search.internal'],
})

/** Which of the forms a name has. */
export function subjectAltNameType(name: string): 'dns' | 'ip' | 'email' | 'uri' {
  if (isIP(name) !== 0) return 'ip'
  if (/^[a-z][a-z0-9+.-]*:/i.test(name)) return 'uri'
  return name.includes('@') ? 'email' : 'dns'
}
