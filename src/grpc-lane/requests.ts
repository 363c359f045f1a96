import type { Floods } from './floods.ts'
import { writeWindowUpdate } from './frame-writer.ts'
import { errorCode, flag, readUint31 } from './frames.ts'
import type { Head } from './head.ts'
import { HeaderBlocks } from './header-blocks.ts'
import { dropMessage, takeMessage } from './message.ts'
import type { Output } from './output.ts'
import { refusals } from './refusal.ts'
import { connectionWindow } from './settings.ts'
import type { Shared } from './shared.ts'
import type { Stream } from './stream.ts'
import type { Streams } from './streams.ts'
import { frameSizeViolation, protocolViolation, Violation } from './violation.ts'

/** The way in of a connection: what HEADERS, CONTINUATION, DATA and RST_STREAM do to its streams (RFC 9113 section 6). */
export class Requests {
  readonly blocks: HeaderBlocks
  now = 0
  readonly #shared: Shared
  readonly #output: Output
  readonly #floods: Floods
  readonly #streams: Streams
  /** What the peer may send yet on the connection. */
  #window = connectionWindow

  constructor(shared: Shared, output: Output, floods: Floods, streams: Streams) {
    this.#shared = shared
    this.#output = output
    this.#floods = floods
    this.#streams = streams
    this.blocks = new HeaderBlocks(shared.bounds, shared.methods)
  }

  headers(flags: number, id: number, source: Buffer, start: number, end: number): void {
    if ((id & 1) === 0) throw protocolViolation('HEADERS of a stream that is no client')
    let at = start
    let last = end
    if ((flags & flag.padded) !== 0) {
      last = withoutPadding(source, start, end)
      at++
    }
    if ((flags & flag.priority) !== 0) {
      if (last - at < 5) throw frameSizeViolation('HEADERS shorter than its priority')
      if (readUint31(source, at) === id) throw protocolViolation('a stream that depends on itself')
      at += 5
    }
    const endStream = (flags & flag.endStream) !== 0
    if ((flags & flag.endHeaders) !== 0) this.#block(id, endStream, this.blocks.whole(source, at, last))
    else this.blocks.begin(id, endStream, source, at, last, this.now)
  }

  continuation(flags: number, source: Buffer, start: number, end: number): void {
    const { blocks } = this
    const id = blocks.openStream
    const head = blocks.add(source, start, end, (flags & flag.endHeaders) !== 0)
    if (head !== undefined) this.#block(id, blocks.endStream, head)
  }

  #block(id: number, endStream: boolean, head: Head): void {
    const { table } = this.#streams
    if (id > table.lastId) {
      table.use(id)
      this.#request(id, endStream, head)
      return
    }
    const stream = table.find(id)
    if (stream === undefined) this.#headersOfClosed(id)
    else if (stream.remoteClosed) this.#streams.error(stream, errorCode.streamClosed)
    else if (!head.trailers || !endStream) this.#streams.error(stream, errorCode.protocol)
    else this.#streams.complete(stream)
  }

  #request(id: number, endStream: boolean, head: Head): void {
    const stream = this.#streams.open(id, head, this.now)
    if (stream === undefined) return
    if (endStream) {
      stream.refusal ??= refusals.cardinality
      this.#streams.complete(stream)
    } else if (stream.refusal?.rule !== undefined) {
      this.#streams.calls.refuse(stream, stream.refusal)
    }
  }

  #headersOfClosed(id: number): void {
    const { table } = this.#streams
    if (table.wasSkipped(id)) throw protocolViolation('HEADERS of a stream before the last')
    if (!table.wasReset(id)) {
      throw new Violation(errorCode.streamClosed, 'stream_closed', 'HEADERS of a stream that is closed')
    }
    this.#floods.idleFrame()
  }

  data(flags: number, id: number, source: Buffer, start: number, end: number): void {
    const streams = this.#streams
    const length = end - start
    // What came is read at once and has bounds of its own, so that windows are opened again long before they are used up:
    // a half of one is more than any frame.
    this.#window -= length
    if (this.#window < connectionWindow / 2) this.#widen()
    const padded = (flags & flag.padded) !== 0
    const last = padded ? withoutPadding(source, start, end) : end
    const stream = streams.table.find(id)
    if (stream === undefined) return void this.#dataOfClosed(id)
    if (stream.remoteClosed) return void streams.error(stream, errorCode.streamClosed)
    stream.receiveWindow -= length
    this.#body(stream, source, padded ? start + 1 : start, last, (flags & flag.endStream) !== 0)
  }

  #body(stream: Stream, source: Buffer, start: number, end: number, endStream: boolean): void {
    const streams = this.#streams
    const { bounds } = this.#shared
    const { contentLength } = stream.head
    if (start === end && !endStream) this.#floods.emptyFrame()
    stream.received += end - start
    if (contentLength >= 0 && stream.received > contentLength) {
      return void streams.error(stream, errorCode.protocol)
    }
    let enough = false
    if (stream.refusal === undefined) {
      stream.refusal = takeMessage(stream, source, start, end, endStream, bounds, streams.held)
      if (stream.refusal !== undefined) dropMessage(stream, streams.held)
      enough = stream.refusal?.rule !== undefined
    } else {
      enough = stream.received > bounds.foreignBytes
    }
    if (endStream) streams.complete(stream)
    else if (enough && !stream.answered) streams.calls.refuse(stream, stream.refusal!)
    else if (stream.receiveWindow < streams.window / 2) this.#widenStream(stream)
  }

  #dataOfClosed(id: number): void {
    const { table } = this.#streams
    if (id > table.lastId || (id & 1) === 0) throw protocolViolation('DATA of a stream that is idle')
    this.#floods.idleFrame()
    if (!table.wasReset(id)) this.#streams.reset(id, errorCode.streamClosed)
  }

  #widenStream(stream: Stream): void {
    writeWindowUpdate(this.#output, stream.id, this.#streams.window - stream.receiveWindow)
    stream.receiveWindow = this.#streams.window
  }

  #widen(): void {
    writeWindowUpdate(this.#output, 0, connectionWindow - this.#window)
    this.#window = connectionWindow
  }

  /** RST_STREAM of the peer's. */
  cancel(id: number, start: number, end: number): void {
    const { table } = this.#streams
    if (end - start !== 4) throw frameSizeViolation('RST_STREAM has four bytes')
    if (id > table.lastId || (id & 1) === 0) throw protocolViolation('RST_STREAM of a stream that is idle')
    this.#floods.reset()
    this.#shared.counts.resets++
    const stream = table.find(id)
    if (stream !== undefined) this.#streams.close(stream)
  }
}

/** Where the payload of a padded frame ends, whose first byte says how much padding follows. */
function withoutPadding(source: Buffer, start: number, end: number): number {
  if (start === end) throw frameSizeViolation('a padded frame without its padding')
  const last = end - source[start]!
  if (last <= start) throw protocolViolation('padding beyond its frame')
  return last
}
