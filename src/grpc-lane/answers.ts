import { AnswerEncoder, refusalBound, usualBlockBound } from './answer-encoder.ts'
import {
  flag,
  frameHeaderLength,
  frameType,
  initialWindow,
  maxFrameLength,
  maxWindow,
  writeFrameHeader,
  writeUint32,
} from './frames.ts'
import type { Output } from './output.ts'
import type { Refusal } from './refusal.ts'
import type { Stream } from './stream.ts'

/** Flag and length before a message. */
const prefixLength = 5
const usualBound = 3 * frameHeaderLength + 2 * usualBlockBound + prefixLength

/** The way out of a connection: encodes answers within the windows that the peer has opened (RFC 9113 section 5.2). */
export class Answers {
  /** Of new streams, as the peer's SETTINGS say. */
  initialWindow = initialWindow
  maxFrame = maxFrameLength
  readonly encoder = new AnswerEncoder()
  /** Bytes of answers that wait for a window. */
  blockedBytes = 0
  readonly #output: Output
  /** Of the connection. */
  #window = initialWindow
  readonly #blocked = new Set<Stream>()

  constructor(output: Output) {
    this.#output = output
  }

  /** Answers with a message. False: the windows are too small, and the rest follows when they grow. */
  message(stream: Stream, message: Uint8Array): boolean {
    const length = message.length + prefixLength
    const output = this.#output
    output.reserve(usualBound + message.length)
    if (length > this.#window || length > stream.sendWindow || length > this.maxFrame) {
      return this.#begin(stream, message)
    }
    this.#window -= length
    this.#writeHeaders(stream.id)
    const { buffer } = output
    const at = writeFrameHeader(buffer, output.at, length, frameType.data, 0, stream.id)
    buffer[at] = 0
    writeUint32(buffer, at + 1, message.length)
    buffer.set(message, at + prefixLength)
    output.at = at + length
    this.#writeTrailers(stream.id)
    return true
  }

  /** Answers without a message: by trailers alone, or with a body where it is not gRPC. */
  refuse(stream: Stream, refusal: Refusal): boolean {
    const output = this.#output
    output.reserve(frameHeaderLength + refusalBound(refusal))
    const start = output.at + frameHeaderLength
    const end = this.encoder.refusal(output.buffer, start, refusal)
    const whole = refusal.httpStatus === 200 || stream.head.bodiless
    const flags = flag.endHeaders | (whole ? flag.endStream : 0)
    writeFrameHeader(output.buffer, output.at, end - start, frameType.headers, flags, stream.id)
    output.at = end
    return whole || this.#send(stream, Buffer.from(refusal.message), false)
  }

  #begin(stream: Stream, message: Uint8Array): boolean {
    this.#writeHeaders(stream.id)
    const body = Buffer.allocUnsafeSlow(prefixLength + message.length)
    body[0] = 0
    writeUint32(body, 1, message.length)
    body.set(message, prefixLength)
    return this.#send(stream, body, true)
  }

  #send(stream: Stream, body: Buffer, trailers: boolean): boolean {
    stream.body = body
    stream.bodySent = 0
    stream.bodyHasTrailers = trailers
    if (this.#pump(stream)) return true
    this.#blocked.add(stream)
    this.blockedBytes += body.length
    return false
  }

  /** Sends as much of a body as the windows let through; true when that was all. */
  #pump(stream: Stream): boolean {
    const body = stream.body!
    const output = this.#output
    while (stream.bodySent < body.length) {
      const left = body.length - stream.bodySent
      const length = Math.min(left, this.#window, stream.sendWindow, this.maxFrame)
      if (length <= 0) return false
      output.reserve(frameHeaderLength + length)
      const flags = length === left && !stream.bodyHasTrailers ? flag.endStream : 0
      const at = writeFrameHeader(output.buffer, output.at, length, frameType.data, flags, stream.id)
      body.copy(output.buffer, at, stream.bodySent, stream.bodySent + length)
      output.at = at + length
      stream.bodySent += length
      stream.sendWindow -= length
      this.#window -= length
    }
    if (stream.bodyHasTrailers) {
      output.reserve(usualBound)
      this.#writeTrailers(stream.id)
    }
    return true
  }

  /** Sends what waited and now may go; `streams` are told of each answer that is complete by that. */
  pump(streams: { finish(stream: Stream): void }): void {
    if (this.#blocked.size === 0) return
    for (const stream of this.#blocked) {
      if (this.#window <= 0) return
      if (stream.sendWindow <= 0 || !this.#pump(stream)) continue
      this.forget(stream)
      streams.finish(stream)
    }
  }

  /** The rest of an answer is not sent. */
  forget(stream: Stream): void {
    if (stream.body === undefined) return
    if (this.#blocked.delete(stream)) this.blockedBytes -= stream.body.length
    stream.body = undefined
  }

  /** False where the window would be larger than one can be. */
  widen(increment: number): boolean {
    this.#window += increment
    return this.#window <= maxWindow
  }

  #writeHeaders(id: number): void {
    const output = this.#output
    const start = output.at + frameHeaderLength
    const end = this.encoder.headers(output.buffer, start)
    writeFrameHeader(output.buffer, output.at, end - start, frameType.headers, flag.endHeaders, id)
    output.at = end
  }

  #writeTrailers(id: number): void {
    const output = this.#output
    const start = output.at + frameHeaderLength
    const end = this.encoder.trailers(output.buffer, start)
    const flags = flag.endHeaders | flag.endStream
    writeFrameHeader(output.buffer, output.at, end - start, frameType.headers, flags, id)
    output.at = end
  }
}
