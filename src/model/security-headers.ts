import { type Static, Type } from 'typebox'
import type { Listener } from './listener.ts'

export const SecurityHeaders = Type.Enum(['none', 'baseline'], {
  description:
    'Security headers that answers get where they have none of their own: `baseline` is x-content-type-options, x-frame-options, referrer-policy, x-permitted-cross-domain-policies and, over https, strict-transport-security.',
  default: 'none',
})

export type SecurityHeaders = Static<typeof SecurityHeaders>

/**
 * Headers and values of the OWASP Secure Headers Project's list of those to add, but for what depends on what a service
 * serves (`content-security-policy`, `permissions-policy`, `cross-origin-*`, `cache-control`, `clear-site-data`): a gateway
 * cannot know it, and a wrong value breaks pages. Browsers heed HSTS over https alone (RFC 6797, section 7.2).
 */
export function baselineHeaders(protocol: Listener['protocol']): Readonly<Record<string, string>> {
  return {
    ...(protocol === 'https' && { 'strict-transport-security': 'max-age=31536000' }),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'deny',
    'referrer-policy': 'no-referrer',
    'x-permitted-cross-domain-policies': 'none',
  }
}
