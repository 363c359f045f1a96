import type { Message } from '../../envoy-api/types.ts'

/** Descriptors a request may have; Envoy sends one a policy. */
export const mostDescriptors = 64

/** envoy.service.ratelimit.v3, as `proto/` declares it; field names are the protocol's. */
export interface RateLimitRequest {
  domain?: string
  descriptors?: RateLimitDescriptor[]
  /** 0 or absent: nothing is said. */
  hits_addend?: number
}

export interface RateLimitDescriptor {
  entries?: DescriptorEntry[]
  /** Overrides the request's, 0 included. */
  hits_addend?: { value?: number } | null
}

export interface DescriptorEntry {
  key?: string
  /** Bytes; in a string each character is one (latin1). */
  value?: Buffer | string
}

export type Code = 'OK' | 'OVER_LIMIT'

export interface HeaderValue {
  key: string
  value: string
}

export interface RateLimitResponse {
  overall_code: Code
  statuses: DescriptorStatus[]
  response_headers_to_add: HeaderValue[]
  request_headers_to_add?: HeaderValue[]
  /** The body of a refusal. */
  raw_body?: Buffer
  /** A `google.protobuf.Struct`. */
  dynamic_metadata?: Message
}

export interface DescriptorStatus {
  code: Code
  limit_remaining?: number
  duration_until_reset?: { seconds: number; nanos: number }
}
