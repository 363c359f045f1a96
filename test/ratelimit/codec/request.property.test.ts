import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decode, encode } from '../../../src/envoy-api/protos.ts'
import { WeirError } from '../../../src/errors.ts'
import { mostEntries } from '../../../src/model/descriptor.ts'
import { decodeRateLimitRequest } from '../../../src/ratelimit/transports/codec/request.ts'
import { mostDescriptors, type RateLimitRequest } from '../../../src/ratelimit/transports/messages.ts'
import {
  damaged,
  field,
  lengthed,
  oddField,
  unknownField,
  varint,
  wireBytes,
  wireNumber,
} from '../../support/wire-fields.ts'

const typeName = 'envoy.service.ratelimit.v3.RateLimitRequest'
const numRuns = process.env.WEIR_LONG === '1' ? 200_000 : 3_000

/** What protobufjs reads, with defaults for what is absent and values as latin1; nothing where it throws. */
function expected(bytes: Buffer): RateLimitRequest | undefined {
  try {
    const { domain = '', descriptors = [], hits_addend = 0 } = decode(typeName, bytes) as RateLimitRequest
    return { domain, descriptors: descriptors.map(withDefaults), hits_addend }
  } catch {
    return undefined
  }
}

function withDefaults({ entries = [], hits_addend }: NonNullable<RateLimitRequest['descriptors']>[number]) {
  return {
    entries: entries.map(({ key = '', value = '' }) => ({ key, value: value.toString('latin1') })),
    hits_addend: hits_addend == null ? undefined : { value: hits_addend.value ?? 0 },
  }
}

/** What it read, or nothing; a bound counts as `too_large` where protobufjs has none. */
function read(bytes: Buffer): RateLimitRequest | 'too_large' | undefined {
  const request = decodeRateLimitRequest(bytes)
  if (!(request instanceof WeirError)) return request
  return request.code === 'too_large' ? 'too_large' : undefined
}

function assertSame(bytes: Buffer): void {
  assert.deepEqual(read(bytes), expected(bytes))
}

const joined = (...fields: fc.Arbitrary<Buffer>[]) =>
  fc.array(fc.oneof(...fields), { maxLength: 6 }).map((all) => Buffer.concat(all))
const anyField = fc.oneof({ weight: 3, arbitrary: unknownField }, { weight: 1, arbitrary: oddField })

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }).map((each) => Buffer.from(each)),
  fc.constantFrom('policy', 'header:x-tenant', ':path').map((each) => Buffer.from(each)),
  wireBytes,
)
/** A number that goes on where its message ends, or beyond ten bytes. */
const endless = fc
  .array(fc.integer({ min: 0x80, max: 0xff }), { maxLength: 11 })
  .map((each) => field(1, 0, Buffer.from(each)))
const hits = fc
  .tuple(
    joined(
      wireNumber.map((each) => field(1, 0, each)),
      anyField,
    ),
    fc.oneof({ weight: 3, arbitrary: fc.constant(Buffer.alloc(0)) }, { weight: 1, arbitrary: endless }),
  )
  .map((parts) => Buffer.concat(parts))
const entry = joined(
  text.map((each) => lengthed(1, each)),
  wireBytes.map((each) => lengthed(2, each)),
  anyField,
)
const descriptor = joined(
  entry.map((each) => lengthed(1, each)),
  hits.map((each) => lengthed(3, each)),
  wireNumber.map((each) => field(4, 0, each)),
  anyField,
)
/** Fields in any order, each any number of times, with others between them. */
const request = joined(
  text.map((each) => lengthed(1, each)),
  descriptor.map((each) => lengthed(2, each)),
  wireNumber.map((each) => field(3, 0, each)),
  anyField,
)

/** A message whose inner messages are damaged, too, before their lengths are written. */
const damagedWithin = joined(
  damaged(text).map((each) => lengthed(1, each)),
  damaged(
    joined(
      damaged(entry).map((each) => lengthed(1, each)),
      damaged(hits).map((each) => lengthed(3, each)),
    ),
  ).map((each) => lengthed(2, each)),
  anyField,
)

describe('the codec of requests', () => {
  test('reads what protobufjs writes', () => {
    const entries = fc.array(
      fc.record({ key: fc.string({ unit: 'binary' }), value: wireBytes }, { requiredKeys: [] }),
      { maxLength: 5 },
    )
    const value = fc.nat({ max: 2 ** 31 - 1 }).chain((each) => fc.constantFrom(each, each * 2 ** 22))
    const hitsAddend = fc.record({ value }, { requiredKeys: [] })
    const message = fc.record(
      {
        domain: fc.string({ unit: 'binary' }),
        descriptors: fc.array(
          fc.record(
            { entries, hits_addend: hitsAddend, is_negative_hits: fc.boolean() },
            { requiredKeys: [] },
          ),
        ),
        hits_addend: fc.nat({ max: 2 ** 32 - 1 }),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(message, (each) => assertSame(encode(typeName, each))),
      { numRuns: 500 },
    )
  })

  test('reads fields in any order, repeated, of other wire types, and passes over unknown ones', () => {
    fc.assert(fc.property(request, assertSame), { numRuns })
  })

  test('reads or refuses damaged messages as protobufjs does', () => {
    fc.assert(fc.property(fc.oneof(damaged(request), damagedWithin, wireBytes), assertSame), { numRuns })
  })

  test('reads a message within a larger buffer as one of its own', () => {
    const around = fc.tuple(wireBytes, fc.oneof(request, damaged(request)), wireBytes)
    fc.assert(
      fc.property(around, ([before, message, after]) => {
        const whole = Buffer.concat([before, message, after])
        assertSame(whole.subarray(before.length, before.length + message.length))
      }),
      { numRuns },
    )
  })

  test('refuses groups as deep as protobufjs refuses', () => {
    for (const depth of [99, 100, 101, 102, 5_000]) {
      const group = Buffer.concat([
        ...Array.from({ length: depth }, () => field(9, 3, Buffer.alloc(0))),
        ...Array.from({ length: depth }, () => field(9, 4, Buffer.alloc(0))),
      ])
      assertSame(group)
      assertSame(lengthed(2, group))
      assertSame(lengthed(2, lengthed(1, group)))
    }
  })

  test('takes as many descriptors and entries as its bounds say, and refuses the next at once', () => {
    const many = (count: number, each: Buffer) => Buffer.concat(Array.from({ length: count }, () => each))
    const descriptors = lengthed(2, Buffer.alloc(0))
    const entries = lengthed(1, Buffer.alloc(0))
    assertSame(many(mostDescriptors, descriptors))
    assertSame(lengthed(2, many(mostEntries, entries)))
    // What follows is malformed, and not read.
    const end = varint(2n ** 63n).subarray(0, 3)
    assert.equal(read(Buffer.concat([many(mostDescriptors + 1, descriptors), end])), 'too_large')
    assert.equal(read(Buffer.concat([lengthed(2, many(mostEntries + 1, entries)), end])), 'too_large')
  })

  test('reads on after a message that it refused', () => {
    assert.equal(read(lengthed(2, Buffer.from([0x0a, 0x7f]))), undefined)
    assertSame(lengthed(1, Buffer.from('edge')))
  })
})
