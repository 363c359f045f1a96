import { connect, type Socket } from 'node:net'
import { flags, frame, literal, preface, types, windowUpdate } from '../ratelimit/http2-requests.ts'

/** What Envoy 1.40 offers: it reads on while a response of this size is not yet whole. */
const streamWindow = 16 * 2 ** 20
const connectionWindow = 24 * 2 ** 20
const defaultWindow = 65_535
const largestFrame = 16_384
const headBytes = 9
const settingOfWindow = 4
const stream = 1

/** Sockets are read one after the other, and nobody keeps what was read: one buffer is enough for all. */
const shared = Buffer.allocUnsafeSlow(256 * 1024)

interface Frame {
  readonly type: number
  readonly flag: number
  readonly length: number
  readonly stream: number
}

export interface Received {
  /** Bytes of the stream, in `bytes` from `from` until before `to`; they are only there during the call. */
  data(bytes: Buffer, from: number, to: number): void
  /** The stream is over, and nobody here wanted that. */
  lost(reason: string): void
}

/**
 * One HTTP/2 connection with one gRPC stream, as an Envoy has it to its control plane: HTTP/2 by hand (RFC 9113), since
 * hundreds of them share a core with nothing but what is measured beside them.
 */
export class Connection {
  readonly #socket: Socket
  readonly #received: Received
  #open = true
  /** The head of a frame, or the payload of one that is not data, as far as it was read. */
  #part: Buffer[] = []
  #partLength = 0
  #frame: Frame | undefined
  #left = 0
  #unread = { stream: 0, connection: 0 }
  #out: Buffer[] = []
  #window = { stream: defaultWindow, connection: defaultWindow }
  #initialWindow = defaultWindow

  constructor(port: number, path: string, received: Received) {
    this.#received = received
    const read = (length: number, bytes: Uint8Array) => {
      this.#read(bytes as Buffer, length)
      return true
    }
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: { buffer: shared, callback: read },
    })
    this.#socket.on('error', (error) => this.#lose(error.message))
    this.#socket.on('close', () => this.#lose('the connection was closed'))
    const settings = Buffer.alloc(6)
    settings.writeUInt16BE(settingOfWindow)
    settings.writeUInt32BE(streamWindow, 2)
    this.#socket.write(
      Buffer.concat([
        preface,
        frame(types.settings, 0, 0, settings),
        windowUpdate(0, connectionWindow - defaultWindow),
        frame(types.headers, flags.endHeaders, stream, head(path)),
      ]),
    )
  }

  /** A gRPC message. */
  send(message: Buffer): void {
    const prefix = Buffer.alloc(5)
    prefix.writeUInt32BE(message.length, 1)
    this.#out.push(prefix, message)
    this.#flush()
  }

  close(): void {
    this.#open = false
    this.#socket.destroy()
  }

  #lose(reason: string): void {
    if (!this.#open) return
    this.close()
    this.#received.lost(reason)
  }

  #flush(): void {
    for (;;) {
      const first = this.#out[0]
      const most = Math.min(this.#window.stream, this.#window.connection, largestFrame)
      if (first === undefined || most <= 0) return
      const bytes = first.subarray(0, most)
      if (bytes.length === first.length) this.#out.shift()
      else this.#out[0] = first.subarray(bytes.length)
      this.#window.stream -= bytes.length
      this.#window.connection -= bytes.length
      this.#socket.write(frame(types.data, 0, stream, bytes))
    }
  }

  #read(bytes: Buffer, length: number): void {
    let at = 0
    while (at < length && this.#open) {
      if (this.#frame === undefined) at = this.#readHead(bytes, at, length)
      else {
        const end = Math.min(at + this.#left, length)
        this.#take(this.#frame, bytes, at, end)
        this.#left -= end - at
        at = end
      }
      if (this.#frame !== undefined && this.#left === 0) this.#finish(this.#frame)
    }
  }

  #readHead(bytes: Buffer, at: number, length: number): number {
    const end = Math.min(at + headBytes - this.#partLength, length)
    this.#keep(bytes, at, end)
    if (this.#partLength < headBytes) return end
    const head = this.#kept()
    this.#left = head.readUIntBE(0, 3)
    this.#frame = { type: head[3]!, flag: head[4]!, length: this.#left, stream: head.readUInt32BE(5) }
    return end
  }

  #take({ type }: Frame, bytes: Buffer, from: number, to: number): void {
    if (type === types.data) this.#received.data(bytes, from, to)
    else this.#keep(bytes, from, to)
  }

  #finish({ type, flag, length, stream }: Frame): void {
    this.#frame = undefined
    const payload = this.#kept()
    if (type === types.data) this.#opened(length)
    else if (type === types.ping && (flag & flags.ack) === 0) {
      this.#socket.write(frame(types.ping, flags.ack, 0, payload))
    } else if (type === types.settings && (flag & flags.ack) === 0) this.#settings(payload)
    else if (type === types.windowUpdate) {
      this.#window[stream === 0 ? 'connection' : 'stream'] += payload.readUInt32BE(0)
      this.#flush()
    } else if (type === types.reset) this.#lose(`the stream was reset: ${payload.readUInt32BE(0)}`)
    else if (type === types.goaway) this.#lose(`the server goes: ${payload.subarray(8).toString('latin1')}`)
    if (type === types.headers && (flag & flags.endStream) !== 0) this.#lose('the server ended the stream')
  }

  #settings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== settingOfWindow) continue
      this.#window.stream += payload.readUInt32BE(at + 2) - this.#initialWindow
      this.#initialWindow = payload.readUInt32BE(at + 2)
    }
    this.#socket.write(frame(types.settings, flags.ack, 0, Buffer.alloc(0)))
    this.#flush()
  }

  /** What was read is given back to the server when half of a window is used. */
  #opened(length: number): void {
    const unread = this.#unread
    unread.stream += length
    unread.connection += length
    if (unread.stream > streamWindow / 2) {
      this.#socket.write(windowUpdate(stream, unread.stream))
      unread.stream = 0
    }
    if (unread.connection > connectionWindow / 2) {
      this.#socket.write(windowUpdate(0, unread.connection))
      unread.connection = 0
    }
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    this.#part.push(Buffer.from(bytes.subarray(from, to)))
    this.#partLength += to - from
  }

  #kept(): Buffer {
    const whole = Buffer.concat(this.#part)
    this.#part = []
    this.#partLength = 0
    return whole
  }
}

/** `:method: POST`, `:scheme: http` of the static table (RFC 7541, appendix A), and what else a gRPC call has. */
function head(path: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x80 | 3, 0x80 | 6]),
    literal(':path', path),
    literal(':authority', 'xds'),
    literal('te', 'trailers'),
    literal('content-type', 'application/grpc'),
  ])
}
