import { once } from 'node:events'
import { connect } from 'node:net'
import { endStream, frame, preface, types } from '../test/support/http2-frames.ts'

/** What came of a stream: the first bytes of its header block and of its body. */
export interface StreamAnswer {
  block: Buffer
  body: Buffer
}

export interface Streams {
  /** Sends the frames of a request, made for stream 1, as a stream of its own. */
  send(frames: readonly Buffer[], answered: (answer: StreamAnswer) => void): void
  close(): void
}

const empty = Buffer.alloc(0)
const headBytes = 9
const settings = { headerTableSize: 1, initialWindowSize: 4 }
const window = 2 ** 31 - 1

/**
 * One HTTP/2 connection to a port of this machine, for many small requests: what is sent is ready made, in one write a turn
 * of the loop, and of what comes no more is read than it takes. Node's own client takes several times as long as what is
 * measured here. Windows are as large as they can be (2 GiB), and never opened again.
 */
export async function openStreams(port: number): Promise<Streams> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  await once(socket, 'connect')
  const open = new Map<number, { answer: StreamAnswer; answered: (answer: StreamAnswer) => void }>()
  let next = 1
  let out: Buffer[] = []
  let isClosed = false

  function write(...frames: Buffer[]): void {
    if (out.length === 0) {
      setImmediate(() => {
        const bytes = Buffer.concat(out)
        out = []
        socket.write(bytes)
      })
    }
    out.push(...frames)
  }

  function take(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === types.settings && (flags & 1) === 0) write(frame(types.settings, 1, 0, empty))
    if (type === types.ping && (flags & 1) === 0) write(frame(types.ping, 1, 0, payload))
    if (type === types.goAway) throw new Error(`the connection ended: ${payload.toString('latin1', 8)}`)
    const met = open.get(stream)
    if (met === undefined) return
    if (type === types.reset) throw new Error(`a stream was reset: ${payload.readUInt32BE(0)}`)
    // Payloads lie in what was read, which lives no longer than the answer is looked at.
    if (type === types.headers && met.answer.block.length === 0) met.answer.block = payload
    if (type === types.data && met.answer.body.length === 0) met.answer.body = payload
    if ((type !== types.headers && type !== types.data) || (flags & endStream) === 0) return
    open.delete(stream)
    met.answered(met.answer)
  }

  let rest: Buffer = empty
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    while (at + headBytes <= bytes.length) {
      const end = at + headBytes + bytes.readUIntBE(at, 3)
      if (end > bytes.length) break
      const stream = bytes.readUInt32BE(at + 5)
      take(bytes[at + 3]!, bytes[at + 4]!, stream, bytes.subarray(at + headBytes, end))
      at = end
    }
    rest = bytes.subarray(at)
  })
  socket.on('close', () => {
    if (!isClosed) throw new Error('the connection was closed')
  })

  const own = Buffer.alloc(12)
  own.writeUInt16BE(settings.headerTableSize, 0)
  own.writeUInt16BE(settings.initialWindowSize, 6)
  own.writeUInt32BE(window, 8)
  const more = Buffer.alloc(4)
  more.writeUInt32BE(window - 65_535)
  write(Buffer.from(preface), frame(types.settings, 0, 0, own), frame(types.windowUpdate, 0, 0, more))
  return {
    send(frames, answered) {
      const stream = next
      next += 2
      open.set(stream, { answer: { block: empty, body: empty }, answered })
      write(
        ...frames.map((each) => {
          const copy = Buffer.from(each)
          copy.writeUInt32BE(stream, 5)
          return copy
        }),
      )
    },
    close() {
      isClosed = true
      socket.destroy()
    },
  }
}
