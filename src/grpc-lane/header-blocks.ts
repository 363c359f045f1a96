import type { Bounds } from './bounds.ts'
import { readRequest, refusedHead } from './grpc.ts'
import { areTrailers, type Head } from './head.ts'
import { Decoder } from './hpack/decoder.ts'
import type { Method } from './method.ts'
import { refusals } from './refusal.ts'
import { flood } from './violation.ts'

const nothing = Buffer.alloc(0)
/** Bytes of a block that is worth remembering: one of indexes has one or two a field. */
const rememberedBytes = 256

const tooLarge = refusedHead(refusals.headerList)

/**
 * Puts blocks of headers together (HEADERS and CONTINUATION, RFC 9113 section 4.3) and reads them. A peer that has its fields in
 * the table sends the same few bytes for each call: a block equal to the last one, with no change of the table in between,
 * has the same head.
 */
export class HeaderBlocks {
  /** The stream whose block is not complete; 0: none. Only its CONTINUATION may come. */
  openStream = 0
  /** When that block began. */
  openedAt = 0
  /** Whether the request ends with that block. */
  endStream = false
  readonly #bounds: Bounds
  readonly #methods: ReadonlyMap<string, Method>
  readonly #decoder: Decoder
  #block = nothing
  #continuations = 0
  #lastBlock = nothing
  #lastVersion = -1
  #lastHead = tooLarge

  constructor(bounds: Bounds, methods: ReadonlyMap<string, Method>) {
    this.#bounds = bounds
    this.#methods = methods
    this.#decoder = new Decoder(bounds.tableBytes, bounds)
  }

  /** The first part of a block that does not end with it. */
  begin(streamId: number, endStream: boolean, source: Buffer, start: number, end: number, now: number): void {
    this.openStream = streamId
    this.openedAt = now
    this.endStream = endStream
    this.#continuations = 0
    this.#block = Buffer.from(source.subarray(start, end))
  }

  /** A further part. */
  add(source: Buffer, start: number, end: number): void {
    const { continuations, blockBytes } = this.#bounds
    if (++this.#continuations > continuations || this.#block.length + end - start > blockBytes) {
      throw flood('continuation_flood')
    }
    this.#block = Buffer.concat([this.#block, source.subarray(start, end)])
  }

  /** The block, complete. */
  take(): Buffer {
    const block = this.#block
    this.openStream = 0
    this.#block = nothing
    return block
  }

  /** Reads the headers of a request. */
  request(block: Buffer, start: number, end: number): Head {
    const decoder = this.#decoder
    const { version } = decoder.table
    if (version === this.#lastVersion && this.#isLast(block, start, end)) return this.#lastHead
    decoder.decode(block, start, end)
    const head = decoder.oversize ? tooLarge : readRequest(decoder.fields, this.#methods)
    if (decoder.table.version === version && end - start <= rememberedBytes && head.malformed === undefined) {
      this.#lastBlock = Buffer.from(block.subarray(start, end))
      this.#lastVersion = version
      this.#lastHead = head
    }
    return head
  }

  #isLast(block: Buffer, start: number, end: number): boolean {
    const last = this.#lastBlock
    if (last.length !== end - start) return false
    for (let index = 0; index < last.length; index++) {
      if (last[index] !== block[start + index]) return false
    }
    return true
  }

  /** Reads trailers; false where they are malformed. */
  trailers(block: Buffer, start: number, end: number): boolean {
    this.#decoder.decode(block, start, end)
    return areTrailers(this.#decoder.fields)
  }
}
