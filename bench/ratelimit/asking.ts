import { connect, type Socket } from 'node:net'
import { CallWriter } from './call-writer.ts'
import { flags, frame, preface, types, windowUpdate } from './http2-requests.ts'
import type { Question } from './question.ts'

const headSize = 9
const wide = 2 ** 31 - 1
const initialWindow = 65_535
/** Streams of which the start is remembered; far more than are in flight. */
const remembered = 65_536
const nothing: Buffer = Buffer.alloc(0)
/** The code is the first field of an answer, after the five bytes of its length. */
const [codeAt, codeTag, overLimit] = [5, 0x08, 2]

export interface AskingOptions {
  port: number
  question: Question
  keys: number
  inFlight: number
  /** Told once a chunk of answers: `started` are the times at which their calls were written. */
  onAnswers(started: Float64Array, count: number, now: number): void
  onOverLimit(): void
}

/**
 * One HTTP/2 connection with that many calls always in flight, by frames that are written by hand: the load must cost far
 * less than what it measures. What the peer does wrong is thrown.
 */
export class Asking {
  readonly #options: AskingOptions
  readonly #writer: CallWriter
  readonly #socket: Socket
  /** When the call of a stream was written; negative from when its message came. */
  readonly #starts = new Float64Array(remembered)
  readonly #done: Float64Array
  #ended = 0
  #stream = 1
  #window = initialWindow
  #waiting = 0
  #received = 0
  #rest = nothing
  #stopped = false

  constructor(options: AskingOptions) {
    const { port, question, keys, inFlight } = options
    this.#options = options
    this.#writer = new CallWriter(question, keys, inFlight)
    this.#done = new Float64Array(inFlight)
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk))
    this.#socket.on('error', (error) => {
      if (!this.#stopped) throw error
    })
    this.#socket.on('close', () => {
      if (!this.#stopped) throw new Error('the peer closed the connection')
    })
    const opening = [preface, frame(types.settings, 0, 0, nothing), windowUpdate(0, wide - initialWindow)]
    this.#socket.write(Buffer.concat(opening))
  }

  stop(): void {
    this.#stopped = true
    this.#socket.destroy()
  }

  /** Writes calls as far as the peer's window goes, all at once. */
  #ask(count: number, now: number): void {
    this.#waiting += count
    const { messageBytes } = this.#writer
    for (; this.#waiting > 0 && this.#window >= messageBytes && !this.#stopped; this.#waiting--) {
      this.#writer.put(this.#stream)
      this.#starts[(this.#stream >>> 1) % remembered] = now
      this.#window -= messageBytes
      this.#stream += 2
    }
    this.#writer.flush((bytes) => {
      this.#socket.write(bytes)
      return this.#socket.writableLength > 0
    })
  }

  #read(chunk: Buffer): void {
    const now = performance.now()
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (bytes.length - at >= headSize) {
      const start = at + headSize
      const end = start + ((bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!)
      if (end > bytes.length) break
      this.#frame(bytes, at, start, end, now)
      at = end
    }
    this.#rest = bytes.subarray(at)
    if (this.#ended > 0) this.#options.onAnswers(this.#done, this.#ended, now)
    this.#ask(this.#ended, now)
    this.#ended = 0
    if (this.#received > wide / 2) {
      this.#socket.write(windowUpdate(0, this.#received))
      this.#received = 0
    }
  }

  #frame(bytes: Buffer, at: number, start: number, end: number, now: number): void {
    const [type, flag, id] = [bytes[at + 3]!, bytes[at + 4]!, bytes.readUInt32BE(at + 5)]
    const isAck = (flag & flags.ack) !== 0
    if (type === types.data) this.#message(bytes, id, start, end)
    else if (type === types.headers) {
      if ((flag & flags.endStream) !== 0) this.#end(id)
    } else if (type === types.windowUpdate) {
      if (id === 0) this.#window += bytes.readUInt32BE(start)
    } else if (type === types.settings && !isAck) {
      this.#socket.write(frame(types.settings, flags.ack, 0, nothing))
      if (this.#stream === 1) this.#ask(this.#options.inFlight, now)
    } else if (type === types.ping && !isAck) {
      this.#socket.write(frame(types.ping, flags.ack, 0, bytes.subarray(start, end)))
    } else if (type === types.reset || type === types.goaway) {
      throw new Error(`the peer sent a frame of the type ${type}`)
    }
  }

  #message(bytes: Buffer, id: number, start: number, end: number): void {
    this.#received += end - start
    if (start === end) return
    if (bytes[start + codeAt] !== codeTag) throw new Error('an answer without a code')
    if (bytes[start + codeAt + 1] === overLimit) this.#options.onOverLimit()
    this.#starts[(id >>> 1) % remembered]! *= -1
  }

  #end(id: number): void {
    const started = -this.#starts[(id >>> 1) % remembered]!
    if (started <= 0) throw new Error('a call was answered without a message')
    this.#done[this.#ended++] = started
  }
}
