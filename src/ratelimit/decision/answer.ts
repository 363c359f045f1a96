import { delayHeader } from '../../model/descriptor.ts'
import type { DescriptorStatus, RateLimitResponse } from '../transports/messages.ts'
import { type Answered, type Decided, denies, judgedOf } from './decision.ts'
import { clientHeaders } from './headers.ts'
import { refusalFields, refusalOf } from './refusal.ts'

/** The protocol's answer to a decision. */
export function answerOf(decided: Decided): RateLimitResponse {
  const { admitted, answered } = decided
  const told = clientHeaders(judgedOf(decided))
  const statuses = answered.map(statusOf)
  if (!admitted) {
    const refusal = refusalFields(refusalOf(answered), told)
    return { overall_code: 'OVER_LIMIT', statuses, ...refusal }
  }
  const delay = delayOf(decided)
  if (delay === 0) return { overall_code: 'OK', statuses, response_headers_to_add: told }
  const milliseconds = String(Math.ceil(delay / 1_000))
  return {
    overall_code: 'OK',
    statuses,
    response_headers_to_add: told,
    request_headers_to_add: [{ key: delayHeader, value: milliseconds }],
  }
}

/** Microseconds for which an admitted request waits for its turn. */
export function delayOf({ answered }: Decided): number {
  let delay = 0
  for (const { question, outcome } of answered) {
    if (question.kind === 'counted' && question.enforced && outcome !== undefined)
      delay = Math.max(delay, outcome.delay)
  }
  return delay
}

function statusOf(answered: Answered): DescriptorStatus {
  const { outcome } = answered
  const code = denies(answered) ? 'OVER_LIMIT' : 'OK'
  if (outcome === undefined) return { code }
  return {
    code,
    limit_remaining: Math.min(outcome.remaining, 0xffff_ffff),
    duration_until_reset: {
      seconds: Math.floor(outcome.resetAfter / 1_000_000),
      nanos: (outcome.resetAfter % 1_000_000) * 1_000,
    },
  }
}
