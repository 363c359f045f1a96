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

/** Its value says which policies there are, so that the same few come again and again. */
export const policyHeader = 'RateLimit-Policy'

/**
 * What the client is told: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10, sections 3
 * and 4), one item a policy, and `Retry-After` (RFC 9110, section 10.2.3) on a denial. Never a key.
 */
export function clientHeaders(judged: readonly Judged[]): HeaderValue[] {
  if (judged.length === 0) return []
  let limits = ''
  for (const { policy, standing } of judged) {
    const comma = limits === '' ? '' : ', '
    limits += `${comma}"${policy}";r=${standing?.remaining ?? 0}`
    if (standing !== undefined) limits += `;t=${seconds(standing.resetAfter)}`
  }
  const headers = [
    { key: policyHeader, value: policiesText(judged) },
    { key: 'RateLimit', value: limits },
  ]
  const retryAfter = retryAfterSeconds(judged)
  if (retryAfter !== undefined) headers.push({ key: 'Retry-After', value: String(retryAfter) })
  if (judged.some(({ xRateLimitHeaders }) => xRateLimitHeaders)) headers.push(...xRateLimit(judged))
  return headers
}

/** By the first policy's quota, which is of one policy's numbers alone. */
const policiesTexts = new WeakMap<Quota, { quotas: Quota[]; text: string }>()

function policiesText(judged: readonly Judged[]): string {
  const first = judged[0]!.quota
  const known = policiesTexts.get(first)
  if (known !== undefined && isOf(known.quotas, judged)) return known.text
  const text = judged
    .map(({ policy, quota }) => `"${policy}";q=${quota.quota};w=${quota.windowSeconds}`)
    .join(', ')
  policiesTexts.set(first, { quotas: judged.map(({ quota }) => quota), text })
  return text
}

function isOf(quotas: readonly Quota[], judged: readonly Judged[]): boolean {
  if (quotas.length !== judged.length) return false
  for (let index = 0; index < quotas.length; index++) {
    if (quotas[index] !== judged[index]!.quota) return false
  }
  return true
}

/** The largest wait among the policies that denied, at least 1; none if one of them would never admit this cost. */
export function retryAfterSeconds(
  judged: readonly Pick<Judged, 'admitted' | 'retryAfter'>[],
): number | undefined {
  let longest: number | undefined
  for (const { admitted, retryAfter } of judged) {
    if (admitted) continue
    if (retryAfter === null) return undefined
    longest = Math.max(longest ?? 1, seconds(retryAfter))
  }
  return longest
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
