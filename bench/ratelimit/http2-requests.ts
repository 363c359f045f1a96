/** Parts of HTTP/2 connections as bytes (RFC 9113), for what sends them by the hundred thousand. */

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export const types = {
  ...{ data: 0, headers: 1, priority: 2, reset: 3, settings: 4 },
  ...{ ping: 6, goaway: 7, windowUpdate: 8, continuation: 9 },
} as const
export const flags = { endStream: 1, ack: 1, endHeaders: 4 } as const

/** RFC 9113, section 4.1. */
export function frame(type: number, flag: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(9 + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flag
  bytes.writeUInt32BE(stream, 5)
  bytes.set(payload, 9)
  return bytes
}

export function windowUpdate(stream: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4)
  payload.writeUInt32BE(bytes)
  return frame(types.windowUpdate, 0, stream, payload)
}

/** The field's literal, which the peer remembers (RFC 7541, section 6.2.1); texts below 127 bytes. */
function remembered(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40]), text(name), text(value)])
}

/** The field's literal, which the peer does not remember (RFC 7541, section 6.2.2); texts below 127 bytes. */
export function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)])
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')])
}

/** `:method: POST` and `:scheme: http` of the static table (RFC 7541, appendix A). */
const fixed = Buffer.from([0x80 | 3, 0x80 | 6])
const firstDynamic = 62

/** Header blocks of a gRPC call as Envoy has them: one that fills the peer's dynamic table, and one that refers to it. */
export function callHeaders(path: string): { first: Buffer; next: Buffer } {
  const fields = [
    ['te', 'trailers'],
    ['content-type', 'application/grpc'],
    ['grpc-timeout', '5S'],
    [':authority', 'weir_ratelimit'],
    [':path', path],
  ] as const
  // Pseudo-header fields come first, and what was remembered last has the lowest index.
  const order = [4, 3, 0, 1, 2]
  const literals = order.map((at) => remembered(fields[at]![0], fields[at]![1]))
  const indexes = order.map((_, position) => 0x80 | (firstDynamic + order.length - 1 - position))
  return { first: Buffer.concat([fixed, ...literals]), next: Buffer.concat([fixed, Buffer.from(indexes)]) }
}
