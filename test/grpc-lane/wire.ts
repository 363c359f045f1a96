import { Decoder } from '../../src/grpc-lane/hpack/decoder.ts'
import { literal } from '../../src/grpc-lane/hpack/encoder.ts'

/** HTTP/2 as a client writes and reads it, in plain bytes and plain words (RFC 9113). */

const types = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
  'GOAWAY',
  'WINDOW_UPDATE',
  'CONTINUATION',
] as const

type FrameType = (typeof types)[number]

const errors = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
]

const flags = { END_STREAM: 1, ACK: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 0x20 }
export type Flag = keyof typeof flags

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/** A frame; a type that is a number is one that HTTP/2 does not know. */
export function frame(
  type: FrameType | number,
  id: number,
  payload: Uint8Array | string = '',
  ...set: Flag[]
): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'hex') : payload
  const head = Buffer.alloc(9)
  head.writeUIntBE(body.length, 0, 3)
  head[3] = typeof type === 'number' ? type : types.indexOf(type)
  head[4] = set.reduce((sum, name) => sum | flags[name], 0)
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, body])
}

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function settings(values: Record<number, number> = {}): Buffer {
  const each = Object.entries(values).map(([name, value]) =>
    Buffer.concat([Buffer.of(0, Number(name)), uint32(value)]),
  )
  return frame('SETTINGS', 0, Buffer.concat(each))
}

export const windowUpdate = (id: number, increment: number): Buffer =>
  frame('WINDOW_UPDATE', id, uint32(increment))
export const rstStream = (id: number, code = 8): Buffer => frame('RST_STREAM', id, uint32(code))

export type Fields = readonly (readonly [name: string, value: string])[]

export const block = (fields: Fields, form: 0x00 | 0x40 = 0x00): Buffer =>
  Buffer.concat(fields.map(([name, value]) => literal(form, name, value)))

/** The headers of a unary call; `over` replaces fields, or takes them away where a value is undefined. */
export function callFields(path: string, over: Record<string, string | undefined> = {}): Fields {
  const usual = {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': path,
    ':authority': 'lane',
    te: 'trailers',
    'content-type': 'application/grpc',
  }
  const fields = Object.entries({ ...usual, ...over })
  return fields.filter((field): field is [string, string] => field[1] !== undefined)
}

export const headers = (id: number, fields: Fields, ...more: Flag[]): Buffer =>
  frame('HEADERS', id, block(fields), 'END_HEADERS', ...more)

/** A message with its length before it. */
export function message(bytes: Uint8Array | string, flag = 0): Buffer {
  const body = Buffer.from(bytes as string)
  return Buffer.concat([Buffer.of(flag), uint32(body.length), body])
}

/** A whole call. */
export const call = (id: number, path: string, bytes: Uint8Array | string = ''): Buffer =>
  Buffer.concat([headers(id, callFields(path)), frame('DATA', id, message(bytes), 'END_STREAM')])

/** The fields of a block; a value that is too long to be read is `…`. */
export function fieldsOf(decoder: Decoder, bytes: Buffer): Fields {
  const fields: (readonly [string, string])[] = []
  decoder.decode(bytes, 0, bytes.length, true, {
    field: ({ name, value }) => fields.push([name, value]),
    skipped: (name) => fields.push([name, '…']),
  })
  return fields
}

/** Says in words what a server sent; it keeps the state of its headers. */
export class Reading {
  readonly #decoder = new Decoder(4_096, 1 << 20)
  #rest = Buffer.alloc(0)

  read(bytes: Buffer): string[] {
    let rest = Buffer.concat([this.#rest, bytes])
    const words: string[] = []
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const length = rest.readUIntBE(0, 3)
      words.push(this.#say(types[rest[3]!]!, rest[4]!, rest.readUInt32BE(5), rest.subarray(9, 9 + length)))
      rest = rest.subarray(9 + length)
    }
    this.#rest = rest
    return words
  }

  #say(type: FrameType, set: number, id: number, payload: Buffer): string {
    const ends = (type === 'DATA' || type === 'HEADERS') && (set & 1) !== 0 ? ' END' : ''
    switch (type) {
      case 'DATA':
        return `DATA ${id} ${payload.toString('hex')}${ends}`
      case 'HEADERS':
        return `HEADERS ${id} ${fieldsOf(this.#decoder, payload)
          .map((field) => field.join('='))
          .join(' ')}${ends}`
      case 'RST_STREAM':
        return `RST_STREAM ${id} ${errors[payload.readUInt32BE(0)]}`
      case 'GOAWAY':
        return `GOAWAY ${payload.readUInt32BE(0)} ${errors[payload.readUInt32BE(4)]}`
      case 'WINDOW_UPDATE':
        return `WINDOW_UPDATE ${id} ${payload.readUInt32BE(0)}`
      default:
        return `${type}${(set & 1) !== 0 ? ' ACK' : ''}${payload.length > 0 ? ` ${payload.toString('hex')}` : ''}`
    }
  }
}
