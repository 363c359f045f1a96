import { struct } from '../../envoy-api/build.ts'
import { fillPlaceholders } from '../../model/denied-response.ts'
import type { HeaderValue, RateLimitResponse } from '../transports/messages.ts'
import { type Answered, denies } from './decision.ts'
import { retryAfterSeconds, seconds } from './headers.ts'

/** What the first policy that denied wants a refused client to get. */
export interface Refusal {
  status: number
  headers: HeaderValue[]
  body: string
  /** For Envoy's access log, and its choice of the status and of the body. Never a key. */
  metadata: { status: string; policy: string; plan: string; limit: number; problem?: string }
}

/** Of a refused request, whose policies are in the order of the route. */
export function refusalOf(answered: readonly Answered[]): Refusal {
  const { question, outcome } = answered.find(denies)!
  if (question.kind === 'unknown') throw new Error('an unknown policy refuses nothing')
  const { policy, rule, numbers } = question
  const { status, headers, body } = rule.rule.response
  const { quota } = numbers.bound.quota
  const wait = retryAfterSeconds(
    answered
      .filter(denies)
      .map((each) => ({ admitted: false, retryAfter: each.outcome?.retryAfter ?? null })),
  )
  const values = {
    policy,
    plan: numbers.plan ?? '',
    limit: String(quota),
    remaining: String(outcome?.remaining ?? 0),
    reset: String(seconds(outcome?.resetAfter ?? 0)),
    retryAfter: wait === undefined ? '' : String(wait),
  }
  return {
    status,
    headers: Object.entries(headers).map(([key, text]) => ({ key, value: fillPlaceholders(text, values) })),
    body: fillPlaceholders(body, values),
    metadata: {
      ...{ status: String(status), policy, plan: values.plan, limit: quota },
      // Envoy then has a problem of this status for one.
      ...(body === '' && { problem: String(status) }),
    },
  }
}

/** The parts of the service's answer that refuse. A header that the policy writes takes the place of the usual one. */
export function refusalFields(
  { headers, body, metadata }: Refusal,
  told: readonly HeaderValue[],
): Pick<RateLimitResponse, 'response_headers_to_add' | 'raw_body' | 'dynamic_metadata'> {
  const own = new Set(headers.map(({ key }) => key))
  return {
    response_headers_to_add: [...told.filter(({ key }) => !own.has(key.toLowerCase())), ...headers],
    ...(body !== '' && { raw_body: Buffer.from(body, 'utf8') }),
    dynamic_metadata: struct(metadata),
  }
}
