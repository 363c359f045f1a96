export const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
export const types = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const
export const [endStream, endHeaders] = [1, 4]

/** Bytes of one request on a new HTTP/2 connection, with whatever fields (RFC 9113), which no library would send. */
export function http2Request(fields: readonly (readonly [string, string])[], body?: string): Uint8Array {
  return Buffer.concat([
    Buffer.from(preface),
    frame(types.settings, 0, 0, Buffer.alloc(0)),
    ...requestFrames(fields, body === undefined ? undefined : Buffer.from(body, 'latin1')),
  ])
}

/** The frames of a request on stream 1: HEADERS, and DATA where it has a body. */
export function requestFrames(fields: readonly (readonly [string, string])[], body?: Buffer): Buffer[] {
  const block = Buffer.concat(fields.map(([name, value]) => literal(name, value)))
  if (body === undefined) return [frame(types.headers, endStream | endHeaders, 1, block)]
  return [frame(types.headers, endHeaders, 1, block), frame(types.data, endStream, 1, body)]
}

/** RFC 9113, section 4.1. */
export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** A field that the peer need not remember, without Huffman coding (RFC 7541, section 6.2.2). */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  return Buffer.concat([integer(bytes.length), bytes])
}

/** With a prefix of seven bits (RFC 7541, section 5.1). */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value])
  const bytes = [127]
  for (let rest = value - 127; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) + 128)
  }
}
