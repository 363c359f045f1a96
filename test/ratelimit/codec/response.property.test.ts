import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { struct } from '../../../src/envoy-api/build.ts'
import { encode } from '../../../src/envoy-api/protos.ts'
import type { Message } from '../../../src/envoy-api/types.ts'
import { encodeRateLimitResponse } from '../../../src/ratelimit/transports/codec/response.ts'
import type { RateLimitResponse } from '../../../src/ratelimit/transports/messages.ts'

const typeName = 'envoy.service.ratelimit.v3.RateLimitResponse'
const numRuns = process.env.WEIR_LONG === '1' ? 50_000 : 1_000

function assertSame(response: RateLimitResponse): void {
  assert.deepEqual(encodeRateLimitResponse(response), encode(typeName, { ...response }))
}

const text = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('RateLimit', '"p0";r=999321;t=3121', 'x'.repeat(70_000), 'é'.repeat(3_000)),
)
const headers = fc.array(fc.record({ key: text, value: text }), { maxLength: 5 })
const code = fc.constantFrom('OK' as const, 'OVER_LIMIT' as const)
const wholeNumber = (max: number) =>
  fc.oneof(
    fc.nat({ max: 300 }),
    fc.maxSafeNat().map((each) => each % (max + 1)),
  )
const status = fc.record(
  {
    code,
    limit_remaining: wholeNumber(2 ** 32 - 1),
    duration_until_reset: fc.record({ seconds: wholeNumber(2 ** 53 - 1), nanos: wholeNumber(999_999_999) }),
  },
  { requiredKeys: ['code'] },
)
const metadata = fc
  .dictionary(fc.string({ unit: 'binary', maxLength: 12 }), fc.jsonValue({ maxDepth: 6 }), { maxKeys: 6 })
  .map((value) => struct(value))
const response = fc.record(
  {
    overall_code: code,
    statuses: fc.array(status, { maxLength: 6 }),
    response_headers_to_add: headers,
    request_headers_to_add: headers,
    raw_body: fc.uint8Array({ maxLength: 20_000 }).map((each) => Buffer.from(each)),
    dynamic_metadata: metadata,
  },
  { requiredKeys: ['overall_code', 'statuses', 'response_headers_to_add'] },
)

/** Objects within each other, or lists. */
function nested(depth: number, within: (value: unknown) => unknown): Message {
  let value: unknown = 'x'
  for (let level = 1; level < depth; level++) value = within(value)
  return struct({ key: value })
}

describe('the codec of answers', () => {
  test('writes what protobufjs writes', () => {
    fc.assert(fc.property(response, assertSame), { numRuns })
  })

  test('writes metadata as deep as protobufjs does, and then throws', () => {
    const answer = { overall_code: 'OK' as const, statuses: [], response_headers_to_add: [] }
    for (const within of [(value: unknown) => ({ in: value }), (value: unknown) => [value]]) {
      for (let depth = 1; depth < 60; depth++) {
        const deep = { ...answer, dynamic_metadata: nested(depth, within) }
        let expected: Buffer | undefined
        try {
          expected = encode(typeName, { ...deep })
        } catch {
          assert.throws(() => encodeRateLimitResponse(deep), /nested too deeply/, `${depth}`)
          continue
        }
        assert.deepEqual(encodeRateLimitResponse(deep), expected, `${depth}`)
      }
      // Nothing of the one before is left.
      assertSame(answer)
    }
  })
})
