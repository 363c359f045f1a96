import type { StreamRule } from './bounds.ts'
import { type StatusName, status } from './method.ts'

/** An answer without a message: a gRPC status, or an HTTP status with a body for what is no gRPC. */
export interface Refusal {
  /** HTTP's; 200 for all that is gRPC. */
  readonly httpStatus: number
  readonly grpcStatus: number
  /** `grpc-message` before its coding, or the body. */
  readonly message: string
  /** The bound that was met. */
  readonly rule?: StreamRule
  /** Fields that are added. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

export function grpcRefusal(code: StatusName, message: string, rule?: StreamRule): Refusal {
  return { httpStatus: 200, grpcStatus: status[code], message, ...(rule === undefined ? {} : { rule }) }
}

export const refusals = {
  headerList: grpcRefusal('RESOURCE_EXHAUSTED', 'the headers are too large', 'header_list'),
  messageSize: grpcRefusal('RESOURCE_EXHAUSTED', 'the message is too large', 'message_size'),
  heldBytes: grpcRefusal('RESOURCE_EXHAUSTED', 'too many messages are on their way', 'held_bytes'),
  requestTimeout: grpcRefusal('DEADLINE_EXCEEDED', 'the request did not arrive in time', 'request_timeout'),
  deadline: grpcRefusal('DEADLINE_EXCEEDED', 'the deadline has passed'),
  // gRPC's status codes: a unary method takes exactly one message.
  cardinality: grpcRefusal('UNIMPLEMENTED', 'the method takes exactly one message'),
  truncated: grpcRefusal('INTERNAL', 'the request ends within a message'),
  // gRPC's compression: the flag without an encoding is an error of the peer's.
  flagged: grpcRefusal('INTERNAL', 'the message is flagged as compressed, and grpc-encoding names nothing'),
  flag: grpcRefusal('INTERNAL', 'the compressed flag is neither 0 nor 1'),
  encoding: {
    ...grpcRefusal('UNIMPLEMENTED', 'the encoding of the message is not known here'),
    headers: [['grpc-accept-encoding', 'identity']],
  },
  internal: grpcRefusal('INTERNAL', 'internal error'),
  answerSize: grpcRefusal('INTERNAL', 'internal error'),
  shutdown: grpcRefusal('UNAVAILABLE', 'shutting down'),
} satisfies Record<string, Refusal>

/** RFC 9110 section 15.5.16, 15.5.6: what came is not gRPC. */
export const foreign: Refusal = {
  httpStatus: 415,
  grpcStatus: status.UNKNOWN,
  message:
    'This port speaks gRPC over HTTP/2 alone: a request is a POST with the content-type application/grpc or ' +
    'application/grpc+proto and `te: trailers`, and its body is a message with its length before it.\n',
}

export const foreignMethod: Refusal = {
  httpStatus: 405,
  grpcStatus: status.UNKNOWN,
  message: 'gRPC requests are POST requests.\n',
  headers: [['allow', 'POST']],
}

/** `grpc-message` as gRPC codes it: bytes of UTF-8, what is not printable ASCII or is `%` as `%XX`. */
export function percentEncode(text: string): string {
  if (/^[ -$&-~]*$/.test(text)) return text
  let coded = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    coded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return coded
}
