import fc from 'fast-check'

/** Fields of serialized messages (Protocol Buffers, "Encoding"), right and wrong, written by hand for decoders to read. */

/** A number, in more bytes than it needs where `padding` says so. */
export function varint(value: bigint, padding = 0): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, value)
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  for (let index = 0; index < padding; index++) {
    bytes[bytes.length - 1]! |= 0x80
    bytes.push(0)
  }
  return Buffer.from(bytes)
}

export function field(number: number, wireType: number, value: Uint8Array): Buffer {
  return Buffer.concat([varint(BigInt(number * 8 + wireType)), value])
}

export function lengthed(number: number, value: Uint8Array): Buffer {
  return field(number, 2, Buffer.concat([varint(BigInt(value.length)), value]))
}

const bytes = fc.uint8Array({ maxLength: 24 }).map((each) => Buffer.from(each))
const numbers = fc
  .tuple(
    fc.oneof(fc.nat({ max: 300 }).map(BigInt), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    fc.nat({ max: 4 }),
  )
  .map(([value, padding]) => varint(value, padding))

/** A value of a wire type; a group holds fields and its end. */
const { value: anyValue } = fc.letrec<{ value: { type: number; bytes: Buffer } }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    numbers.map((each) => ({ type: 0, bytes: each })),
    fc.uint8Array({ minLength: 8, maxLength: 8 }).map((each) => ({ type: 1, bytes: Buffer.from(each) })),
    bytes.map((each) => ({ type: 2, bytes: Buffer.concat([varint(BigInt(each.length)), each]) })),
    fc.uint8Array({ minLength: 4, maxLength: 4 }).map((each) => ({ type: 5, bytes: Buffer.from(each) })),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 2_000 }), tie('value')), { maxLength: 3 }).map((fields) => ({
      type: 3,
      bytes: Buffer.concat([
        ...fields.map(([number, { type, bytes: inner }]) => field(number, type, inner)),
        field(1, 4, Buffer.alloc(0)),
      ]),
    })),
  ),
}))

/** A field that a message may not know, of any wire type. */
export const unknownField = fc
  .tuple(fc.oneof(fc.integer({ min: 5, max: 40 }), fc.integer({ min: 41, max: 2 ** 28 })), anyValue)
  .map(([number, { type, bytes: value }]) => field(number, type, value))

/** A field of a number that messages know, of a wire type that may be another's. */
export const oddField = fc
  .tuple(fc.integer({ min: 0, max: 4 }), anyValue)
  .map(([number, { type, bytes: value }]) => field(number, type, value))

export const wireBytes = bytes
export const wireNumber = numbers

/** One of the changes that a bad line or a bad peer makes. */
export function damaged(whole: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc
    .tuple(
      whole,
      fc.constantFrom('cut', 'flip', 'insert', 'remove', 'repeat'),
      fc.nat(),
      fc.nat({ max: 255 }),
    )
    .map(([message, way, where, byte]) => {
      const at = where % (message.length + 1)
      switch (way) {
        case 'cut':
          return message.subarray(0, at)
        case 'flip': {
          const changed = Buffer.from(message)
          if (at < changed.length) changed[at]! ^= 1 << (byte & 7)
          return changed
        }
        case 'insert':
          return Buffer.concat([message.subarray(0, at), Buffer.from([byte]), message.subarray(at)])
        case 'remove':
          return Buffer.concat([message.subarray(0, at), message.subarray(at + 1)])
        default:
          return Buffer.concat([message, message.subarray(at)])
      }
    })
}
