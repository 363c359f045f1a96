import { callHeaders, flags, frame, types } from './http2-requests.ts'
import { digits, method, type Question } from './question.ts'

const [headSize, streamAt] = [9, 5]

/** Writes the frames of calls into one buffer after the other: a copy of the same bytes, with other ids and other keys. */
export class CallWriter {
  /** Bytes of a call that count against the peer's windows. */
  readonly messageBytes: number
  readonly #first: Buffer
  readonly #next: Buffer
  readonly #keysAt: readonly number[]
  readonly #keys: number
  #output: Buffer
  #at = 0

  constructor(question: Question, keys: number, most: number) {
    const { first, next } = callHeaders(method)
    const whole = (block: Buffer) =>
      Buffer.concat([
        frame(types.headers, flags.endHeaders, 0, block),
        frame(types.data, flags.endStream, 0, question.message),
      ])
    this.#first = whole(first)
    this.#next = whole(next)
    this.messageBytes = question.message.length
    this.#keysAt = question.keysAt
    this.#keys = keys
    this.#output = Buffer.allocUnsafeSlow(most * this.#first.length)
  }

  put(stream: number): void {
    const call = stream === 1 ? this.#first : this.#next
    const output = this.#output
    call.copy(output, this.#at)
    output.writeUInt32BE(stream, this.#at + streamAt)
    this.#at += call.length
    const data = this.#at - this.messageBytes
    output.writeUInt32BE(stream, data - headSize + streamAt)
    let key = Math.floor(Math.random() * this.#keys)
    for (let digit = digits - 1; digit >= 0; digit--, key = Math.floor(key / 10)) {
      for (const place of this.#keysAt) output[data + place + digit] = 48 + (key % 10)
    }
  }

  /** What was put since the last time, handed to `write`, which says whether it keeps the bytes. */
  flush(write: (bytes: Buffer) => boolean): void {
    if (this.#at === 0) return
    const kept = write(this.#output.subarray(0, this.#at))
    if (kept) this.#output = Buffer.allocUnsafeSlow(this.#output.length)
    this.#at = 0
  }
}
