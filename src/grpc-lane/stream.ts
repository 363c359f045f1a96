import { refusedHead } from './grpc.ts'
import type { Head } from './head.ts'
import type { Call } from './method.ts'
import { type Refusal, refusals } from './refusal.ts'

/** No request: what a stream has while nobody uses it. */
const nobody = refusedHead(refusals.internal)

/**
 * One request and its answer (RFC 9113 section 5.1), and the call that a method sees. Objects are used again: one is
 * given back when its answer is sent and no method holds it.
 */
export class Stream implements Call {
  id = 0
  head: Head = nobody
  /** What may be sent yet; negative after the peer has made its initial window smaller. */
  sendWindow = 0
  /** What the peer may send yet. */
  receiveWindow = 0
  /** The request has ended: half closed (remote). */
  remoteClosed = false
  aborted = false
  /** Its answer has begun. */
  answered = false
  /** A method is at work. */
  pending = false
  /** It waits its turn: complete, until all of a read has been parsed, or settled, until the end of the loop's turn. */
  queued = false
  deadline = 0
  openedAt = 0
  /** Bytes of DATA that came. */
  received = 0
  /** Why there is no message to hand over. */
  refusal: Refusal | undefined

  /** The message, complete. */
  message: Buffer | undefined
  /** The length prefix as far as it came, its length, and the message that is being put together behind it. */
  prefix = 0
  prefixLength = 0
  messageLength = 0
  part: Buffer | undefined
  partLength = 0

  /** An answer that the windows do not let through yet, and how much of it is sent. */
  body: Buffer | undefined
  bodySent = 0
  bodyHasTrailers = false
  /** What the method's promise brought. */
  settled: Uint8Array | Refusal | undefined

  get path(): string {
    return this.head.path
  }
}

/** Streams that nobody uses. */
export class StreamPool {
  readonly #free: Stream[] = []
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  take(): Stream {
    return this.#free.pop() ?? new Stream()
  }

  giveBack(stream: Stream): void {
    stream.head = nobody
    stream.remoteClosed = false
    stream.aborted = false
    stream.answered = false
    stream.pending = false
    stream.queued = false
    stream.received = 0
    stream.refusal = undefined
    stream.message = undefined
    stream.prefix = 0
    stream.prefixLength = 0
    stream.messageLength = 0
    stream.part = undefined
    stream.partLength = 0
    stream.body = undefined
    stream.bodySent = 0
    stream.settled = undefined
    if (this.#free.length < this.#most) this.#free.push(stream)
  }
}
