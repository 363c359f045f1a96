import type { Message } from '../../envoy-api/types.ts'
import { canonicalIp } from '../../model/ip.ts'
import { subjectAltNameType } from '../../model/subject-alt-name.ts'
import { secretByAds } from './names.ts'

/** The rules for a peer's certificate beside the CA, which comes as a secret. */
export interface PeerRules {
  /** Name of the secret with the CA. */
  ca: string
  /** Names of which it must have one; any if there is none here. */
  names: readonly string[]
  /** SHA-256 of those that are let in, as hexadecimal digits; all if there is none here. */
  fingerprints?: readonly string[]
}

/** `CommonTlsContext.combined_validation_context`: all rules must hold. */
export function validation({ ca, names, fingerprints = [] }: PeerRules): Message {
  return {
    combined_validation_context: {
      default_validation_context: {
        ...(names.length === 0 ? {} : { match_typed_subject_alt_names: names.map(matcher) }),
        ...(fingerprints.length === 0 ? {} : { verify_certificate_hash: fingerprints.map(digits) }),
      },
      validation_context_sds_secret_config: secretByAds(ca),
    },
  }
}

/** Of a DNS name Envoy lets a wildcard in the certificate count (RFC 6125, section 6.4.3). */
function matcher(name: string): Message {
  const type = subjectAltNameType(name)
  switch (type) {
    case 'dns':
      return { san_type: 'DNS', matcher: { exact: name.toLowerCase() } }
    case 'ip':
      return { san_type: 'IP_ADDRESS', matcher: { exact: canonicalIp(name) } }
    case 'email':
      return { san_type: 'EMAIL', matcher: { exact: name } }
    case 'uri':
      return { san_type: 'URI', matcher: { exact: name } }
  }
}

function digits(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase()
}
