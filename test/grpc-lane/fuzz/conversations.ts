import { block, callFields, message, uint32 } from '../wire.ts'
import { type Frame, frame, frameType as types } from './frames.ts'
import type { Random } from './random.ts'

const [ack, endStream, endHeaders, padded, priority] = [1, 1, 4, 8, 0x20]

/** Headers that are right, unusual or wrong; wrong ones cost a stream. */
const unusual: Record<string, string | undefined>[] = [
  {},
  {},
  {},
  {},
  ...[
    { 'grpc-timeout': '20m' },
    { 'grpc-timeout': '99999999H' },
    { 'grpc-timeout': 'soon' },
    { 'grpc-encoding': 'gzip' },
  ],
  ...[
    { 'x-bin': 'AAAA' },
    { 'user-agent': 'x'.repeat(300) },
    { 'content-type': 'text/plain' },
    { te: undefined },
  ],
  ...[{ ':method': 'GET' }, { ':scheme': 'https' }, { ':authority': undefined }, { ':path': undefined }],
  ...[
    { connection: 'close' },
    { 'Upper-Case': 'x' },
    { ':unknown': 'x' },
    { 'content-length': '5' },
    { te: 'gzip' },
  ],
  ...[{ 'x-long': 'y'.repeat(17_000) }, { 'x-bad': 'a\r\nb' }, { '': 'x' }],
]
const paths = [
  '/test.Lane/Echo',
  '/test.Lane/Later',
  '/test.Lane/Refuse',
  '/test.Lane/Never',
  '/test.Lane/Unknown',
  '',
]

/** A client's frames, in an order that the protocol allows, behind the preface. */
export function conversation(random: Random, calls: number): Frame[] {
  const frames: Frame[] = [frame(types.settings, 0, 0, someSettings(random)), frame(types.settings, ack, 0)]
  for (let index = 0; index < calls; index++) {
    frames.push(...call(random, 2 * index + 1))
    if (random.chance(0.2)) frames.push(between(random, 2 * index + 1))
  }
  if (random.chance(0.1)) frames.push(frame(types.goaway, 0, 0, Buffer.alloc(8)))
  return frames
}

function someSettings(random: Random): Buffer {
  const each = [
    [1, random.of([0, 100, 4_096, 65_536])],
    [3, 100],
    [4, random.of([0, 10, 65_535, 2 ** 31 - 1])],
    [5, random.of([16_384, 100_000])],
    [0x99, random.below(2 ** 32)],
  ] as const
  const chosen = each.filter(() => random.chance(0.3))
  return Buffer.concat(chosen.map(([name, value]) => Buffer.concat([Buffer.of(0, name), uint32(value)])))
}

/** A call: its headers in one frame or several, its message likewise, sometimes its end by a reset or trailers. */
function call(random: Random, id: number): Frame[] {
  const fields = block(callFields(random.of(paths), random.of(unusual)), random.chance(0.5) ? 0x00 : 0x40)
  if (random.chance(0.03)) return headers(random, id, fields, endStream)
  const body = bodyOf(random)
  const frames = headers(random, id, fields, 0)
  const ends = random.chance(0.93)
  const cut = random.chance(0.2) ? random.below(body.length) : 0
  if (cut > 0) frames.push(data(random, id, body.subarray(0, cut), 0))
  frames.push(data(random, id, body.subarray(cut), ends ? endStream : 0))
  if (!ends && random.chance(0.5)) {
    frames.push(frame(types.headers, endHeaders | endStream, id, block([['x-trailer', 'x']])))
  }
  if (random.chance(0.1)) frames.push(frame(types.rstStream, 0, id, uint32(8)))
  return frames
}

function bodyOf(random: Random): Buffer {
  const body = message(
    random.bytes(random.chance(0.02) ? 9_000 : random.below(40)),
    random.chance(0.02) ? 1 : 0,
  )
  if (random.chance(0.02)) body.writeUInt32BE(random.below(2 ** 32), 1)
  return random.chance(0.02) ? Buffer.concat([body, body]) : body
}

function headers(random: Random, id: number, fields: Buffer, flags: number): Frame[] {
  const [weights, weight] = random.chance(0.1)
    ? [priority, Buffer.concat([uint32((id + 1) & 0x7fffffff), Buffer.of(3)])]
    : [0, Buffer.alloc(0)]
  const first =
    random.chance(0.1) || fields.length > 16_000
      ? random.below(Math.min(fields.length, 16_000))
      : fields.length
  const whole = first === fields.length
  const frames = [
    frame(
      types.headers,
      flags | weights | (whole ? endHeaders : 0),
      id,
      Buffer.concat([weight, fields.subarray(0, first)]),
    ),
  ]
  for (let at = first; at < fields.length; ) {
    const end = Math.min(fields.length, at + 1 + random.below(12_000))
    frames.push(
      frame(types.continuation, end === fields.length ? endHeaders : 0, id, fields.subarray(at, end)),
    )
    at = end
  }
  return frames
}

function data(random: Random, id: number, bytes: Buffer, flags: number): Frame {
  if (!random.chance(0.1)) return frame(types.data, flags, id, bytes)
  const padding = random.below(50)
  return frame(
    types.data,
    flags | padded,
    id,
    Buffer.concat([Buffer.of(padding), bytes, Buffer.alloc(padding)]),
  )
}

function between(random: Random, id: number): Frame {
  switch (random.below(6)) {
    case 0:
      return frame(types.ping, random.chance(0.3) ? ack : 0, 0, random.bytes(8))
    case 1:
      return frame(types.priority, 0, id, Buffer.concat([uint32(id + 2), Buffer.of(1)]))
    case 2:
      return frame(types.windowUpdate, 0, random.of([0, id]), uint32(1 + random.below(1_000_000)))
    case 3:
      return frame(
        10 + random.below(200),
        random.below(256),
        random.below(1_000),
        random.bytes(random.below(30)),
      )
    case 4:
      return frame(types.settings, 0, 0, someSettings(random))
    default:
      return frame(types.rstStream, 0, id, uint32(random.below(16)))
  }
}
