import type { Micros } from './algorithms/algorithm.ts'
import type { HeaderValue } from './messages.ts'
import type { HitOutcome } from './stores/counter-store.ts'

/** An enforced policy of a request, with what its counter said. */
export interface Judged {
  policy: string
  quota: { quota: number; windowSeconds: number }
  outcome: HitOutcome
}

/**
 * What the client is told: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10, sections 3
 * and 4), one item a policy, and `Retry-After` (RFC 9110, section 10.2.3) on a denial. Never a key.
 */
export function clientHeaders(judged: readonly Judged[]): HeaderValue[] {
  if (judged.length === 0) return []
  const policies = judged.map(({ policy, quota }) => `"${policy}";q=${quota.quota};w=${quota.windowSeconds}`)
  const limits = judged.map(
    ({ policy, outcome }) => `"${policy}";r=${outcome.remaining};t=${seconds(outcome.resetAfter)}`,
  )
  const headers = [
    { key: 'RateLimit-Policy', value: policies.join(', ') },
    { key: 'RateLimit', value: limits.join(', ') },
  ]
  const retryAfter = waitOf(judged.filter(({ outcome }) => !outcome.admitted))
  if (retryAfter !== undefined) headers.push({ key: 'Retry-After', value: String(retryAfter) })
  return headers
}

/** The largest wait among the policies that denied; none if one of them would never admit this cost. */
function waitOf(denied: readonly Judged[]): number | undefined {
  const waits = denied.map(({ outcome }) => outcome.retryAfter)
  if (waits.length === 0 || waits.includes(null)) return undefined
  return Math.max(1, ...waits.map((wait) => seconds(wait!)))
}

function seconds(time: Micros): number {
  return Math.ceil(time / 1_000_000)
}
