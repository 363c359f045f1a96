import { literal, literalBound, writeInteger, writeLiteral } from './hpack/encoder.ts'
import { percentEncode, type Refusal } from './refusal.ts'

const contentType = ['content-type', 'application/grpc'] as const
const statusOk = ['grpc-status', '0'] as const

/** `:status: 200`, which the static table has. */
const http200 = 0x88
/** What the peer's table must hold for the two fields above: RFC 7541 section 4.1. */
const tableNeeded = [contentType, statusOk].reduce(
  (sum, [name, value]) => sum + name.length + value.length + 32,
  0,
)
/** The size a table has before anybody says otherwise. */
const defaultTable = 4_096

const bytes = (...parts: (number | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : part)))

/**
 * The blocks of the usual answer, by how many of its two fields the peer's table has: `content-type` is put there by the first
 * headers and `grpc-status: 0` by the first trailers, and as nothing else is, their indexes are 62 and 63 for good.
 */
const headersBlocks = [
  bytes(http200, literal(0x40, ...contentType)),
  bytes(http200, 0x80 | 62),
  bytes(http200, 0x80 | 63),
]
const trailersBlocks = [literal(0x00, ...statusOk), literal(0x40, ...statusOk), bytes(0x80 | 62)]
const plainHeaders = bytes(http200, literal(0x00, ...contentType))

/** Bytes of a usual block at most, the change of the table's size included. */
export const usualBlockBound = 64
/** Characters of a message that an answer carries. */
const messageLength = 1_024

/** Encodes the headers and trailers of answers (RFC 7541) for one peer. */
export class AnswerEncoder {
  /** Of the two fields, how many are in the peer's table. */
  #known = 0
  #tableSize = defaultTable
  /** The peer has set another size, and the next block must begin by saying that we follow. */
  #sizeChanged = false

  setTableSize(size: number): void {
    const next = Math.min(size, defaultTable)
    if (next === this.#tableSize && !this.#sizeChanged) return
    this.#tableSize = next
    this.#sizeChanged = true
  }

  headers(target: Buffer, start: number): number {
    const at = this.#begin(target, start)
    if (this.#tableSize < tableNeeded) return copy(plainHeaders, target, at)
    const block = headersBlocks[this.#known]!
    if (this.#known === 0) this.#known = 1
    return copy(block, target, at)
  }

  trailers(target: Buffer, start: number): number {
    const at = this.#begin(target, start)
    const block = trailersBlocks[this.#known]!
    if (this.#known === 1) this.#known = 2
    return copy(block, target, at)
  }

  /** Headers of an answer that has no message; `refusalBound` says how long they are at most. */
  refusal(target: Buffer, start: number, refusal: Refusal): number {
    let at = this.#begin(target, start)
    for (const [name, value] of refusalFields(refusal)) at = writeLiteral(target, at, 0x00, name, value)
    return at
  }

  /** RFC 7541 section 4.2: emptied first, so that what is in the table need not be known. */
  #begin(target: Buffer, start: number): number {
    if (!this.#sizeChanged) return start
    this.#sizeChanged = false
    this.#known = 0
    target[start] = 0x20
    return writeInteger(target, start + 1, 0x20, 0x1f, this.#tableSize)
  }
}

export function refusalBound(refusal: Refusal): number {
  return refusalFields(refusal).reduce(
    (sum, [name, value]) => sum + literalBound(name, value),
    usualBlockBound,
  )
}

function refusalFields({
  httpStatus,
  grpcStatus,
  message,
  headers = [],
}: Refusal): (readonly [string, string])[] {
  const own: (readonly [string, string])[] =
    httpStatus === 200
      ? [
          contentType,
          ['grpc-status', String(grpcStatus)],
          ['grpc-message', percentEncode(message.slice(0, messageLength))],
        ]
      : [
          ['content-type', 'text/plain; charset=utf-8'],
          ['content-length', String(Buffer.byteLength(message))],
        ]
  return [[':status', String(httpStatus)], ...own, ...headers]
}

function copy(block: Buffer, target: Buffer, start: number): number {
  for (let index = 0; index < block.length; index++) target[start + index] = block[index]!
  return start + block.length
}
