import type { Micros, Quota, Standing } from '../algorithms/algorithm.ts'
import type { HeaderValue } from '../transports/messages.ts'

/** An enforced policy of a request, with what it said. */
export interface Judged {
  policy: string
  quota: Quota
  admitted: boolean
  /** null where waiting does not help. */
  retryAfter: Micros | null
  /** Its counter, afterwards; nothing where no counter was asked. */
  standing: Standing | undefined
  xRateLimitHeaders: boolean
}

/**
 * What the client is told: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10, sections 3
 * and 4), one item a policy, and `Retry-After` (RFC 9110, section 10.2.3) on a denial. Never a key.
 */
export function clientHeaders(judged: readonly Judged[]): HeaderValue[] {
  if (judged.length === 0) return []
  const policies = judged.map(({ policy, quota }) => `"${policy}";q=${quota.quota};w=${quota.windowSeconds}`)
  const limits = judged.map(({ policy, standing }) =>
    standing === undefined
      ? `"${policy}";r=0`
      : `"${policy}";r=${standing.remaining};t=${seconds(standing.resetAfter)}`,
  )
  const retryAfter = retryAfterSeconds(judged)
  return [
    { key: 'RateLimit-Policy', value: policies.join(', ') },
    { key: 'RateLimit', value: limits.join(', ') },
    ...(retryAfter === undefined ? [] : [{ key: 'Retry-After', value: String(retryAfter) }]),
    ...xRateLimit(judged),
  ]
}

/** The largest wait among the policies that denied, at least 1; none if one of them would never admit this cost. */
export function retryAfterSeconds(
  judged: readonly Pick<Judged, 'admitted' | 'retryAfter'>[],
): number | undefined {
  const waits = judged.filter(({ admitted }) => !admitted).map(({ retryAfter }) => retryAfter)
  if (waits.length === 0 || waits.includes(null)) return undefined
  return Math.max(1, ...waits.map((wait) => seconds(wait!)))
}

export function seconds(time: Micros): number {
  return Math.ceil(time / 1_000_000)
}

/** The headers of old, which know one limit: that of the policy with the least left, of those that want them. */
function xRateLimit(judged: readonly Judged[]): HeaderValue[] {
  const wanting = judged.filter(({ xRateLimitHeaders }) => xRateLimitHeaders)
  const left = ({ standing }: Judged) => standing?.remaining ?? 0
  const [tightest] = wanting.sort((one, other) => left(one) - left(other))
  if (tightest === undefined) return []
  const { quota, standing } = tightest
  return [
    { key: 'x-ratelimit-limit', value: String(quota.quota) },
    { key: 'x-ratelimit-remaining', value: String(standing?.remaining ?? 0) },
    { key: 'x-ratelimit-reset', value: String(seconds(standing?.resetAfter ?? 0)) },
  ]
}
