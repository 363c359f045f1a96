import { policyHeader } from '../../decision/headers.ts'
import type { Code, DescriptorStatus, HeaderValue, RateLimitResponse } from '../messages.ts'
import { writeStruct } from './struct.ts'
import { Writer } from './writer.ts'

const codes: Readonly<Record<Code, number>> = { OK: 1, OVER_LIMIT: 2 }

const writer = new Writer()

/** An `envoy.service.ratelimit.v3.RateLimitResponse`, byte for byte as protobufjs writes it; valid until the next one. */
export function encodeRateLimitResponse(response: RateLimitResponse): Buffer {
  const { overall_code, statuses, response_headers_to_add, request_headers_to_add } = response
  writer.clear()
  // From the last field to the first.
  if (response.dynamic_metadata !== undefined) writeStruct(writer, 6, response.dynamic_metadata)
  if (response.raw_body !== undefined) writer.bytes(5, response.raw_body)
  if (request_headers_to_add !== undefined) writeHeaders(4, request_headers_to_add)
  writeHeaders(3, response_headers_to_add)
  for (let index = statuses.length - 1; index >= 0; index--) writeStatus(statuses[index]!)
  writer.uint(codes[overall_code])
  writer.tag(1, 0)
  return writer.written()
}

function writeHeaders(field: number, headers: readonly HeaderValue[]): void {
  for (let index = headers.length - 1; index >= 0; index--) {
    const { key, value } = headers[index]!
    const before = writer.length
    if (key === policyHeader) writer.recurring(2, value)
    else writer.text(2, value)
    writer.recurring(1, key)
    writer.message(field, before)
  }
}

function writeStatus({ code, limit_remaining, duration_until_reset }: DescriptorStatus): void {
  const before = writer.length
  if (duration_until_reset !== undefined) {
    const inner = writer.length
    writer.uint(duration_until_reset.nanos)
    writer.tag(2, 0)
    writer.uint(duration_until_reset.seconds)
    writer.tag(1, 0)
    writer.message(4, inner)
  }
  if (limit_remaining !== undefined) {
    writer.uint(limit_remaining)
    writer.tag(3, 0)
  }
  writer.uint(codes[code])
  writer.tag(1, 0)
  writer.message(2, before)
}
