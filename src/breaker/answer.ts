import { struct } from '../envoy-api/build.ts'
import { breakerIsOpen, breakerMetadata } from '../model/breaker-descriptor.ts'
import type { RateLimitResponse } from '../ratelimit/transports/messages.ts'

/** The request goes, and nothing is known of a breaker, or it reported. */
export const passed: RateLimitResponse = {
  overall_code: 'OK',
  statuses: [{ code: 'OK' }],
  response_headers_to_add: [],
}

/** `gen` is how the request is known when it reports. */
export function admitted(gen: string): RateLimitResponse {
  return { ...passed, dynamic_metadata: struct({ [breakerMetadata.generation]: gen }) }
}

/** A request that goes elsewhere is none of the cluster's, and reports nothing. */
export function sentElsewhere(cluster: string): RateLimitResponse {
  return { ...passed, dynamic_metadata: struct({ [breakerMetadata.fallback]: cluster }) }
}

/**
 * Sent by the service, since Envoy writes `Retry-After` (RFC 9110, section 10.2.3) on 429 alone. By the metadata Envoy
 * answers with a problem document, which has the id of the request, too; a gRPC client gets the body as its message.
 */
export function refused(retryAfter: number): RateLimitResponse {
  return {
    overall_code: 'OVER_LIMIT',
    statuses: [{ code: 'OVER_LIMIT' }],
    response_headers_to_add: [{ key: 'Retry-After', value: String(retryAfter) }],
    raw_body: body,
    dynamic_metadata: problem,
  }
}

const body = Buffer.from(breakerIsOpen)
const problem = struct({ [breakerMetadata.problem]: '503' })
