import type { Answers } from './answers.ts'
import { Budget } from './budget.ts'
import { Calls } from './calls.ts'
import type { Floods } from './floods.ts'
import {
  errorCode,
  flag,
  frameHeaderLength,
  frameType,
  readUint32,
  writeFrameHeader,
  writeUint32,
} from './frames.ts'
import type { Head } from './head.ts'
import { HeaderBlocks } from './header-blocks.ts'
import { dropMessage, takeMessage } from './message.ts'
import type { Output } from './output.ts'
import { refusals } from './refusal.ts'
import { connectionWindow, streamWindow } from './settings.ts'
import { countRule, type Shared } from './shared.ts'
import type { Stream } from './stream.ts'
import { StreamTable } from './stream-table.ts'
import { flowControlViolation, frameSizeViolation, protocolViolation, Violation } from './violation.ts'

/** The way in of a connection: what HEADERS, CONTINUATION, DATA and RST_STREAM do to its streams (RFC 9113 section 5.1). */
export class Requests {
  readonly table = new StreamTable()
  readonly blocks: HeaderBlocks
  readonly calls: Calls
  /** New streams are refused: the last one was named by GOAWAY. */
  refusing = false
  now = 0
  readonly #shared: Shared
  readonly #output: Output
  readonly #answers: Answers
  readonly #floods: Floods
  readonly #held: Budget
  readonly #streamWindow: number
  #window = connectionWindow

  constructor(shared: Shared, output: Output, answers: Answers, floods: Floods, later: () => void) {
    this.#shared = shared
    this.#output = output
    this.#answers = answers
    this.#floods = floods
    this.#held = new Budget(shared.bounds.heldBytes, shared.held)
    this.#streamWindow = streamWindow(shared.bounds)
    this.blocks = new HeaderBlocks(shared.bounds, shared.methods)
    this.calls = new Calls(shared, this.#held, answers, (stream) => this.finish(stream), later)
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
      if ((readUint32(source, at) & 0x7fffffff) === id)
        throw protocolViolation('a stream that depends on itself')
      at += 5
    }
    const endStream = (flags & flag.endStream) !== 0
    if ((flags & flag.endHeaders) !== 0) this.#block(id, endStream, source, at, last)
    else this.blocks.begin(id, endStream, source, at, last, this.now)
  }

  continuation(flags: number, source: Buffer, start: number, end: number): void {
    const { blocks } = this
    blocks.add(source, start, end)
    if ((flags & flag.endHeaders) === 0) return
    const id = blocks.openStream
    const block = blocks.take()
    this.#block(id, blocks.endStream, block, 0, block.length)
  }

  #block(id: number, endStream: boolean, source: Buffer, start: number, end: number): void {
    const { table } = this
    if (id > table.lastId) {
      table.use(id)
      this.#open(id, endStream, this.blocks.request(source, start, end))
      return
    }
    const regular = this.blocks.trailers(source, start, end)
    const stream = table.find(id)
    if (stream === undefined) this.#headersOfClosed(id)
    else if (stream.remoteClosed) this.error(stream, errorCode.streamClosed)
    else if (!regular || !endStream) this.error(stream, errorCode.protocol)
    else if (stream.answered) stream.remoteClosed = true
    else this.#end(stream)
  }

  #headersOfClosed(id: number): void {
    if (this.table.wasReset(id)) {
      this.#floods.idleFrame()
      return
    }
    if (this.table.wasSkipped(id)) throw protocolViolation('HEADERS of a stream before the last')
    throw new Violation(errorCode.streamClosed, 'stream_closed', 'HEADERS of a stream that is closed')
  }

  #open(id: number, endStream: boolean, head: Head): void {
    const { bounds, counts, streams, pool } = this.#shared
    if (this.refusing) {
      this.reset(id, errorCode.refusedStream)
      return
    }
    if (head.malformed !== undefined) {
      countRule(counts, 'malformed')
      this.#floods.streamError()
      this.reset(id, errorCode.protocol)
      return
    }
    const busy = this.calls.pending >= bounds.pendingCalls
    if (busy || this.table.size >= bounds.streams || !streams.take(1)) {
      countRule(counts, busy ? 'pending_calls' : 'streams')
      this.reset(id, errorCode.refusedStream)
      return
    }
    counts.streams++
    const stream = pool.take()
    stream.id = id
    stream.head = head
    stream.refusal = head.refusal
    stream.sendWindow = this.#answers.initialWindow
    stream.receiveWindow = this.#streamWindow
    stream.openedAt = this.now
    stream.deadline = this.now + head.timeoutMs
    this.table.add(stream)
    if (endStream) {
      stream.refusal ??= refusals.cardinality
      this.#end(stream)
    } else if (head.refusal?.rule !== undefined) {
      this.calls.refuse(stream, head.refusal)
    }
  }

  data(flags: number, id: number, source: Buffer, start: number, end: number): void {
    this.#window -= end - start
    if (this.#window < 0) throw flowControlViolation('DATA beyond the window of the connection')
    const padded = (flags & flag.padded) !== 0
    const last = padded ? withoutPadding(source, start, end) : end
    const at = padded ? start + 1 : start
    const stream = this.table.find(id)
    if (stream === undefined) {
      this.#dataOfClosed(id)
      return
    }
    if (stream.remoteClosed) {
      this.error(stream, errorCode.streamClosed)
      return
    }
    stream.receiveWindow -= end - start
    if (stream.receiveWindow < 0) {
      this.error(stream, errorCode.flowControl)
      return
    }
    const endStream = (flags & flag.endStream) !== 0
    if (at === last && !endStream) this.#floods.emptyFrame()
    stream.received += last - at
    if (stream.head.contentLength >= 0 && stream.received > stream.head.contentLength) {
      this.error(stream, errorCode.protocol)
      return
    }
    if (stream.refusal === undefined) {
      const { bounds } = this.#shared
      stream.refusal = takeMessage(stream, source, at, last, endStream, bounds, this.#held)
      if (stream.refusal !== undefined) dropMessage(stream, this.#held)
    } else if (stream.received > this.#shared.bounds.foreignBytes && !stream.answered) {
      this.calls.refuse(stream, stream.refusal)
      return
    }
    if (stream.answered) stream.remoteClosed = endStream
    else if (endStream) this.#end(stream)
    else if (stream.refusal?.rule !== undefined) this.calls.refuse(stream, stream.refusal)
    else if (stream.receiveWindow < this.#streamWindow / 2) this.#widenStream(stream)
  }

  #dataOfClosed(id: number): void {
    if (id > this.table.lastId || (id & 1) === 0) throw protocolViolation('DATA of a stream that is idle')
    this.#floods.idleFrame()
    if (!this.table.wasReset(id)) this.reset(id, errorCode.streamClosed)
  }

  #widenStream(stream: Stream): void {
    this.#writeWindowUpdate(stream.id, this.#streamWindow - stream.receiveWindow)
    stream.receiveWindow = this.#streamWindow
  }

  /** Opens the connection's window again where a half of it is used; once a read. */
  widen(): void {
    if (this.#window >= connectionWindow / 2) return
    this.#writeWindowUpdate(0, connectionWindow - this.#window)
    this.#window = connectionWindow
  }

  #writeWindowUpdate(id: number, increment: number): void {
    this.#output.reserve(frameHeaderLength + 4)
    const at = writeFrameHeader(this.#output.buffer, this.#output.at, 4, frameType.windowUpdate, 0, id)
    this.#output.at = writeUint32(this.#output.buffer, at, increment)
  }

  /** The request is complete (END_STREAM); RFC 9113 section 8.1.1 has its length checked. */
  #end(stream: Stream): void {
    const { contentLength } = stream.head
    if (contentLength >= 0 && stream.received !== contentLength) {
      this.error(stream, errorCode.protocol)
      return
    }
    stream.remoteClosed = true
    if (stream.message === undefined) stream.refusal ??= refusals.truncated
    this.#floods.call()
    this.calls.add(stream)
  }

  /** RST_STREAM of the peer's. */
  cancel(id: number): void {
    if (id > this.table.lastId || (id & 1) === 0)
      throw protocolViolation('RST_STREAM of a stream that is idle')
    this.#floods.reset()
    this.#shared.counts.resets++
    const stream = this.table.find(id)
    if (stream !== undefined) this.close(stream)
  }

  /** An error of the peer's that costs the stream (RFC 9113 section 5.4.2). */
  error(stream: Stream, code: number): void {
    countRule(this.#shared.counts, 'malformed')
    this.#floods.streamError()
    this.reset(stream.id, code)
    this.close(stream)
  }

  /** Sends RST_STREAM; what was on its way from the peer is ignored. */
  reset(id: number, code: number): void {
    this.table.rememberReset(id)
    this.#output.reserve(frameHeaderLength + 4)
    const at = writeFrameHeader(this.#output.buffer, this.#output.at, 4, frameType.rstStream, 0, id)
    this.#output.at = writeUint32(this.#output.buffer, at, code)
  }

  /** The answer is complete. RFC 9113 section 8.1: what the request has left is not wanted, without an error. */
  finish(stream: Stream): void {
    if (!stream.remoteClosed) this.reset(stream.id, errorCode.none)
    this.close(stream)
  }

  /** The stream is closed, however it came to that. Whoever still holds it sees that it is aborted, and gives it back. */
  close(stream: Stream): void {
    this.table.remove(stream)
    this.#answers.forget(stream)
    dropMessage(stream, this.#held)
    this.#shared.counts.streams--
    this.#shared.streams.giveBack(1)
    if (stream.queued || stream.pending) stream.aborted = true
    else this.#shared.pool.giveBack(stream)
  }

  /** Bounds in time of the streams: the request's arrival, and the caller's own deadline. */
  tick(now: number): void {
    if (this.table.size === 0) return
    const { requestMs } = this.#shared.bounds
    for (const stream of this.table.values()) {
      const late = now - stream.openedAt > requestMs
      if (stream.answered) {
        if (late && now - stream.openedAt > 2 * requestMs) this.#giveUp(stream)
      } else if (late && !stream.remoteClosed) {
        this.calls.refuse(stream, refusals.requestTimeout)
      } else if (stream.pending && now >= stream.deadline) {
        this.calls.refuse(stream, refusals.deadline)
      }
    }
  }

  /** The peer opens no window for the answer. */
  #giveUp(stream: Stream): void {
    countRule(this.#shared.counts, 'answer_timeout')
    this.reset(stream.id, errorCode.cancel)
    this.close(stream)
  }

  /** The connection is gone. */
  abandon(): void {
    for (const stream of this.table.values()) this.close(stream)
  }
}

/** Where the payload of a padded frame ends, whose first byte says how much padding follows. */
function withoutPadding(source: Buffer, start: number, end: number): number {
  if (start === end) throw frameSizeViolation('a padded frame without its padding')
  const last = end - source[start]!
  if (last <= start) throw protocolViolation('padding beyond its frame')
  return last
}
