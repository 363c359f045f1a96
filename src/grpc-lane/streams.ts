import type { Answers } from './answers.ts'
import { Budget } from './budget.ts'
import { Calls } from './calls.ts'
import type { Floods } from './floods.ts'
import { writeReset } from './frame-writer.ts'
import { errorCode } from './frames.ts'
import type { Head } from './head.ts'
import { dropMessage } from './message.ts'
import type { Output } from './output.ts'
import { refusals } from './refusal.ts'
import { streamWindow } from './settings.ts'
import { countRefusal, type Shared } from './shared.ts'
import type { Stream } from './stream.ts'
import { StreamTable } from './stream-table.ts'

/** The life of a connection's streams (RFC 9113 section 5.1): how each begins, and all the ways in which it ends. */
export class Streams {
  readonly table = new StreamTable()
  readonly calls: Calls
  /** Bytes of messages that have not arrived in full. */
  readonly held: Budget
  /** What a stream's peer may send before it hears from us. */
  readonly window: number
  /** New streams are refused: GOAWAY has named the last one. */
  refusing = false
  readonly #shared: Shared
  readonly #output: Output
  readonly #answers: Answers
  readonly #floods: Floods

  constructor(shared: Shared, output: Output, answers: Answers, floods: Floods, later: () => void) {
    this.#shared = shared
    this.#output = output
    this.#answers = answers
    this.#floods = floods
    this.held = new Budget(shared.bounds.heldBytes, shared.held)
    this.window = streamWindow(shared.bounds)
    this.calls = new Calls(shared, this.held, answers, (stream) => this.finish(stream), later)
  }

  /** A request has begun; undefined where it is refused. */
  open(id: number, head: Head, now: number): Stream | undefined {
    const { bounds, counts, streams, pool } = this.#shared
    if (this.refusing) return this.#turnAway(id, errorCode.refusedStream)
    if (head.malformed !== undefined) {
      countRefusal(this.#shared, 'malformed')
      this.#floods.streamError()
      return this.#turnAway(id, errorCode.protocol)
    }
    const busy = this.calls.pending >= bounds.pendingCalls
    if (busy || this.table.size >= bounds.streams || !streams.take(1)) {
      countRefusal(this.#shared, busy ? 'pending_calls' : 'streams')
      return this.#turnAway(id, errorCode.refusedStream)
    }
    counts.streams++
    const stream = pool.take()
    stream.id = id
    stream.head = head
    stream.refusal = head.refusal
    stream.sendWindow = this.#answers.initialWindow
    stream.receiveWindow = this.window
    stream.openedAt = now
    stream.deadline = now + head.timeoutMs
    this.table.add(stream)
    return stream
  }

  #turnAway(id: number, code: number): undefined {
    this.reset(id, code)
  }

  /** The request is complete (END_STREAM); RFC 9113 section 8.1.1 has its length checked. */
  complete(stream: Stream): void {
    const { contentLength } = stream.head
    if (contentLength >= 0 && stream.received !== contentLength) {
      this.error(stream, errorCode.protocol)
      return
    }
    stream.remoteClosed = true
    if (stream.answered) return
    if (stream.message === undefined) stream.refusal ??= refusals.truncated
    this.#floods.call()
    this.calls.add(stream)
  }

  /** An error of the peer's that costs the stream (RFC 9113 section 5.4.2). */
  error(stream: Stream, code: number): void {
    countRefusal(this.#shared, 'malformed')
    this.#floods.streamError()
    this.reset(stream.id, code)
    this.close(stream)
  }

  /** Sends RST_STREAM; what is on its way from the peer is ignored then. */
  reset(id: number, code: number): void {
    this.table.rememberReset(id)
    writeReset(this.#output, id, code)
  }

  /** The answer is complete. RFC 9113 section 8.1: what the request has left is not wanted, which is no error. */
  finish(stream: Stream): void {
    if (!stream.remoteClosed) this.reset(stream.id, errorCode.none)
    this.close(stream)
  }

  /** The stream is closed, however it came to that. Whoever still holds it sees that it is aborted, and gives it back. */
  close(stream: Stream): void {
    this.table.remove(stream)
    this.#answers.forget(stream)
    dropMessage(stream, this.held)
    this.#shared.counts.streams--
    this.#shared.streams.giveBack(1)
    if (stream.queued || stream.pending) stream.aborted = true
    else this.#shared.pool.giveBack(stream)
  }

  /** Bounds in time: the arrival of requests, the callers' own deadlines, and answers that the peer opens no window for. */
  tick(now: number): void {
    if (this.table.size === 0) return
    const { requestMs } = this.#shared.bounds
    for (const stream of this.table.values()) {
      const age = now - stream.openedAt
      if (stream.answered) {
        if (age > 2 * requestMs) this.#giveUp(stream)
      } else if (!stream.remoteClosed) {
        if (age > requestMs) this.calls.refuse(stream, refusals.requestTimeout)
      } else if (stream.pending && now >= stream.deadline) {
        this.calls.refuse(stream, refusals.deadline)
      }
    }
  }

  #giveUp(stream: Stream): void {
    countRefusal(this.#shared, 'answer_timeout')
    this.reset(stream.id, errorCode.cancel)
    this.close(stream)
  }

  /** The connection is gone. */
  abandon(): void {
    for (const stream of this.table.values()) this.close(stream)
  }
}
