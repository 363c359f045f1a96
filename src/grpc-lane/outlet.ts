import type { Answers } from './answers.ts'
import type { SlowReader } from './backlogs.ts'
import type { Host } from './host.ts'
import type { Output } from './output.ts'
import type { Shared } from './shared.ts'

/** Hands to the host what a connection has written, and knows how much of it waits for a peer that does not read. */
export class Outlet {
  readonly #shared: Shared
  readonly #host: Host
  readonly #output: Output
  readonly #answers: Answers
  readonly #reader: SlowReader
  /** Bytes that wait, as `backlogs` has them. */
  #waiting = 0
  #sent = 0
  /** Bytes that have gone out, when this was last looked at, and when that last changed. */
  #gone = 0
  #movedAt = 0

  constructor(shared: Shared, host: Host, output: Output, answers: Answers, reader: SlowReader) {
    this.#shared = shared
    this.#host = host
    this.#output = output
    this.#answers = answers
    this.#reader = reader
  }

  /** Sends what is ready, by one write. */
  send(): void {
    const bytes = this.#output.take()
    if (bytes === undefined) return
    this.#sent += bytes.length
    this.#host.send(bytes)
  }

  /** Looks at how much waits, which may have this connection cut off, or another. */
  measure(): void {
    const waiting = this.#host.waiting() + this.#answers.blockedBytes
    if (waiting > this.#shared.bounds.queuedBytes) this.#reader.cutSlow()
    else this.#set(waiting)
  }

  #set(waiting: number): void {
    if (waiting === this.#waiting) return
    this.#waiting = waiting
    this.#shared.backlogs.set(this.#reader, waiting)
  }

  /** Call it several times a second: for how many milliseconds nothing of what waits has gone out. */
  rest(now: number): number {
    const waiting = this.#host.waiting()
    const gone = this.#sent - waiting
    if (waiting === 0 || gone !== this.#gone) this.#movedAt = now
    this.#gone = gone
    return now - this.#movedAt
  }

  /** Nobody waits any more. */
  forget(): void {
    this.#set(0)
  }
}
