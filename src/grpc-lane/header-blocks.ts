import type { Bounds } from './bounds.ts'
import { readRequest } from './grpc.ts'
import { Head } from './head.ts'
import { HeadReader } from './head-reader.ts'
import { Decoder } from './hpack/decoder.ts'
import type { Method } from './method.ts'
import { flood } from './violation.ts'

const nothing = Buffer.alloc(0)
/** Bytes of a block that is worth remembering: one of indexes has one or two a field. */
const rememberedBytes = 256
/** Each KiB of a block entitles to one more frame. */
const continuationBytes = 1_024

/**
 * Reads blocks of headers (HEADERS and CONTINUATION, RFC 9113 section 4.3), those in several frames as they come. A peer that has
 * its fields in the table sends the same few bytes for each call: a block equal to the last one, with no change of the table
 * in between, has the same head.
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
  /** Of that block. */
  #reader = new HeadReader()
  #length = 0
  #continuations = 0
  #lastBlock = nothing
  #lastVersion = -1
  #lastHead = new Head()

  constructor(bounds: Bounds, methods: ReadonlyMap<string, Method>) {
    this.#bounds = bounds
    this.#methods = methods
    this.#decoder = new Decoder(bounds.tableBytes, bounds.fieldBytes)
  }

  /** The first part of a block that does not end with it. */
  begin(streamId: number, endStream: boolean, source: Buffer, start: number, end: number, now: number): void {
    this.openStream = streamId
    this.openedAt = now
    this.endStream = endStream
    this.#reader = new HeadReader()
    this.#length = end - start
    this.#continuations = 0
    this.#decoder.decode(source, start, end, false, this.#reader)
  }

  /** A further part; the head where the block `ends` with it. */
  add(source: Buffer, start: number, end: number, ends: boolean): Head | undefined {
    const { continuations, blockBytes } = this.#bounds
    this.#length += end - start
    const entitled = continuations + this.#length / continuationBytes
    if (++this.#continuations > entitled || this.#length > blockBytes) throw flood('continuation_flood')
    this.#decoder.decode(source, start, end, ends, this.#reader)
    if (!ends) return undefined
    this.openStream = 0
    return readRequest(this.#reader, this.#methods)
  }

  /** A block that came in one piece. */
  whole(block: Buffer, start: number, end: number): Head {
    const decoder = this.#decoder
    const { version } = decoder.table
    if (version === this.#lastVersion && this.#isLast(block, start, end)) return this.#lastHead
    const reader = new HeadReader()
    decoder.decode(block, start, end, true, reader)
    const head = readRequest(reader, this.#methods)
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
}
