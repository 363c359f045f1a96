import { connect } from 'node:net'
import { callHeaders, flags, frame, preface, types, windowUpdate } from './http2-requests.ts'
import { digits, method, type Question } from './question.ts'

const [headSize, callBytesAt] = [9, 5]
const wide = 2 ** 31 - 1
const initialWindow = 65_535
/** Streams of which the start is remembered; far more than are in flight. */
const remembered = 65_536

/** Told once a chunk of answers: `started` are the times at which their calls were written. */
export type OnAnswers = (started: Float64Array, count: number, now: number) => void

export interface AskingOptions {
  port: number
  question: Question
  keys: number
  inFlight: number
  onAnswers: OnAnswers
  onOverLimit: () => void
}

/**
 * One HTTP/2 connection with that many calls always in flight, by frames that are written by hand: the load must cost far
 * less than what it measures. Resolves once calls are on their way; what the peer does wrong is thrown.
 */
export function startAsking(options: AskingOptions): { stop(): void } {
  const { port, question, keys, inFlight, onAnswers, onOverLimit } = options
  const headers = callHeaders(method)
  const [first, next] = [headers.first, headers.next].map((block) =>
    Buffer.concat([
      frame(types.headers, flags.endHeaders, 0, block),
      frame(types.data, flags.endStream, 0, question.message),
    ]),
  ) as [Buffer, Buffer]
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const starts = new Float64Array(remembered)
  const done = new Float64Array(inFlight)
  let output = Buffer.allocUnsafeSlow(inFlight * first.length)
  let stream = 1
  let window = initialWindow
  let received = 0
  let waiting = 0
  let stopped = false

  /** Writes calls as far as the peer's window goes, all at once. */
  function ask(count: number, now: number): void {
    waiting += count
    let at = 0
    for (; waiting > 0 && window >= question.message.length && !stopped; waiting--) {
      at = put(stream === 1 ? first : next, at)
      starts[(stream >>> 1) % remembered] = now
      window -= question.message.length
      stream += 2
    }
    if (at === 0) return
    socket.write(output.subarray(0, at))
    // The socket may keep what it was given.
    if (socket.writableLength > 0) output = Buffer.allocUnsafeSlow(output.length)
  }

  function put(call: Buffer, at: number): number {
    call.copy(output, at)
    output.writeUInt32BE(stream, at + callBytesAt)
    const data = at + call.length - question.message.length
    output.writeUInt32BE(stream, data - headSize + callBytesAt)
    let key = Math.floor(Math.random() * keys)
    const places = question.keysAt
    for (let digit = digits - 1; digit >= 0; digit--, key = Math.floor(key / 10)) {
      for (const place of places) output[data + place + digit] = 48 + (key % 10)
    }
    return at + call.length
  }

  let rest: Buffer = Buffer.alloc(0)
  let ended = 0
  function onFrame(type: number, flag: number, id: number, payload: Buffer): void {
    if (type === types.data) {
      received += payload.length
      // The code is the first field of a message after its five bytes of length: 1 is OK, 2 OVER_LIMIT.
      if (payload.length > 0 && (payload[5] !== 8 || payload[6]! > 2)) throw new Error('an answer is none')
      if (payload[6] === 2) onOverLimit()
      if (payload.length > 0) {
        // By its sign it is known that the message came.
        starts[(id >>> 1) % remembered]! *= -1
      }
    } else if (type === types.headers && (flag & flags.endStream) !== 0) {
      const started = -starts[(id >>> 1) % remembered]!
      if (started <= 0) throw new Error('a call was answered without a message')
      done[ended++] = started
    } else if (type === types.windowUpdate && id === 0) window += payload.readUInt32BE()
    else if (type === types.settings && (flag & flags.ack) === 0) {
      socket.write(frame(types.settings, flags.ack, 0, Buffer.alloc(0)))
      if (stream === 1) ask(inFlight, performance.now())
    } else if (type === types.ping && (flag & flags.ack) === 0) {
      socket.write(frame(types.ping, flags.ack, 0, payload))
    } else if (type === types.reset || type === types.goaway) throw new Error(`the peer sent a frame ${type}`)
  }

  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const now = performance.now()
    let at = 0
    ended = 0
    while (bytes.length - at >= headSize) {
      const end = at + headSize + bytes.readUIntBE(at, 3)
      if (end > bytes.length) break
      onFrame(bytes[at + 3]!, bytes[at + 4]!, bytes.readUInt32BE(at + 5), bytes.subarray(at + headSize, end))
      at = end
    }
    rest = bytes.subarray(at)
    onAnswers(done, ended, now)
    ask(ended, now)
    if (received > wide / 2) {
      socket.write(windowUpdate(0, received))
      received = 0
    }
  })
  socket.on('error', (error) => {
    if (!stopped) throw error
  })
  socket.on('close', () => {
    if (!stopped) throw new Error('the peer closed the connection')
  })
  socket.write(
    Buffer.concat([
      preface,
      frame(types.settings, 0, 0, Buffer.alloc(0)),
      windowUpdate(0, wide - initialWindow),
    ]),
  )
  return {
    stop() {
      stopped = true
      socket.destroy()
    },
  }
}
