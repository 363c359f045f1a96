/** Frame types, RFC 9113 section 6. */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

/** Flags of frames, RFC 9113 section 6; ACK and END_STREAM share a bit. */
export const flag = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const

/** Error codes, RFC 9113 section 7. */
export const errorCode = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const

/** What a client sends first, RFC 9113 section 3.4. */
export const clientPreface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** Bytes of a frame's header, and of the largest payload that is taken: SETTINGS_MAX_FRAME_SIZE is left as it is. */
export const frameHeaderLength = 9
export const maxFrameLength = 16_384

export const maxWindow = 0x7fffffff
export const maxStreamId = 0x7fffffff
/** What windows are before anybody says otherwise, RFC 9113 section 6.9.2. */
export const initialWindow = 65_535

/** Writes a frame's header (RFC 9113 section 4.1) and returns where its payload begins. */
export function writeFrameHeader(
  target: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): number {
  target[at] = length >>> 16
  target[at + 1] = length >>> 8
  target[at + 2] = length
  target[at + 3] = type
  target[at + 4] = flags
  return writeUint32(target, at + 5, streamId)
}

export function writeUint32(target: Buffer, at: number, value: number): number {
  target[at] = value >>> 24
  target[at + 1] = value >>> 16
  target[at + 2] = value >>> 8
  target[at + 3] = value
  return at + 4
}

export function readUint32(source: Buffer, at: number): number {
  return ((source[at]! << 24) | (source[at + 1]! << 16) | (source[at + 2]! << 8) | source[at + 3]!) >>> 0
}

/** The same of 31 bits: stream ids and window increments, whose first bit is reserved. */
export function readUint31(source: Buffer, at: number): number {
  return ((source[at]! & 0x7f) << 24) | (source[at + 1]! << 16) | (source[at + 2]! << 8) | source[at + 3]!
}
