import { Answers } from './answers.ts'
import type { ConnectionRule } from './bounds.ts'
import { Floods } from './floods.ts'
import { FrameReader, type FrameSink } from './frame-reader.ts'
import {
  errorCode,
  flag,
  frameHeaderLength,
  frameType,
  maxStreamId,
  maxWindow,
  readUint31,
  writeFrameHeader,
  writeUint32,
} from './frames.ts'
import { Output } from './output.ts'
import { Requests } from './requests.ts'
import { readSettings, type SettingsSink } from './settings.ts'
import { countRule, type Shared } from './shared.ts'
import type { Stream } from './stream.ts'
import { flowControlViolation, frameSizeViolation, protocolViolation, Violation } from './violation.ts'

/** The socket side of a connection. */
export interface Host {
  /** Shown in events. */
  readonly peer: string
  /** Takes bytes to send; returns how many wait for the peer to read. */
  send(bytes: Buffer): number
  /** Nothing more will be sent: the connection ends once the peer has it all. */
  end(): void
  /** The connection ends now. */
  destroy(): void
  /** Has `Connection.answerSettled` called once, at the end of the loop's turn. */
  later(): void
}

const drainPing = Buffer.from('draining', 'latin1')

/**
 * The server's side of one HTTP/2 connection (RFC 9113), without a socket: it is fed with bytes and the time, and hands bytes
 * to its host.
 *
 * `open` -> `leaving` (GOAWAY without a last stream was sent) -> `left` (with one; no new streams) -> `ended`. A Violation leads
 * from anywhere to `ended`, where nothing is read any more.
 */
export class Connection implements FrameSink, SettingsSink {
  state: 'open' | 'leaving' | 'left' | 'ended' = 'open'
  readonly #shared: Shared
  readonly #host: Host
  readonly #output: Output
  readonly #answers: Answers
  readonly #floods: Floods
  readonly #requests: Requests
  readonly #reader = new FrameReader()
  readonly #openedAt: number
  readonly #finished = (stream: Stream) => this.#requests.finish(stream)
  #settled = false
  #partialSince = Number.POSITIVE_INFINITY
  #peerLeaves = false

  /** @param now milliseconds of a clock that never goes back, as everywhere here */
  constructor(shared: Shared, host: Host, now: number) {
    this.#shared = shared
    this.#host = host
    this.#openedAt = now
    this.#output = new Output(shared.slabs)
    this.#answers = new Answers(this.#output)
    this.#floods = new Floods(shared.bounds)
    this.#requests = new Requests(shared, this.#output, this.#answers, this.#floods, () => host.later())
    host.send(shared.greeting)
  }

  /** Streams that are open. */
  get streams(): number {
    return this.#requests.table.size
  }

  /** Takes what was read: parses all of it, then hands over the calls that are complete, then sends what is ready. */
  receive(chunk: Buffer, now: number): void {
    if (this.state === 'ended') return
    this.#requests.now = now
    this.#floods.roll(now)
    try {
      this.#reader.read(chunk, this)
    } catch (error) {
      this.#failBy(error)
    }
    this.#requests.calls.handOver()
    this.#flush()
    if (!this.#reader.partial) this.#partialSince = Number.POSITIVE_INFINITY
    else if (this.#partialSince === Number.POSITIVE_INFINITY) this.#partialSince = now
  }

  frame(type: number, flags: number, id: number, source: Buffer, start: number, end: number): void {
    const requests = this.#requests
    this.#shared.counts.frames++
    const { openStream } = requests.blocks
    if (openStream !== 0 && (type !== frameType.continuation || id !== openStream)) {
      throw protocolViolation('a block of headers that does not end')
    }
    if (!this.#settled) this.#expectSettings(type, flags)
    if (type === frameType.data) requests.data(flags, id, source, start, end)
    else if (type === frameType.headers) requests.headers(flags, id, source, start, end)
    else if (type === frameType.windowUpdate) this.#windowUpdate(id, source, start, end)
    else if (type === frameType.rstStream) {
      if (end - start !== 4) throw frameSizeViolation('RST_STREAM has four bytes')
      requests.cancel(id)
    } else if (type === frameType.continuation) {
      if (openStream === 0) throw protocolViolation('CONTINUATION of nothing')
      requests.continuation(flags, source, start, end)
    } else if (type === frameType.ping) this.#ping(flags, id, source, start, end)
    else if (type === frameType.settings) this.#settings(flags, id, source, start, end)
    else if (type === frameType.priority) this.#priority(id, source, start, end)
    else if (type === frameType.goaway) this.#goaway(id, start, end)
    else if (type === frameType.pushPromise) throw protocolViolation('clients push nothing')
    else this.#floods.idleFrame()
  }

  #expectSettings(type: number, flags: number): void {
    if (type !== frameType.settings || (flags & flag.ack) !== 0) {
      throw new Violation(errorCode.protocol, 'preface', 'the preface ends with SETTINGS')
    }
    this.#settled = true
  }

  #settings(flags: number, id: number, source: Buffer, start: number, end: number): void {
    if (id !== 0) throw protocolViolation('SETTINGS of a stream')
    this.#floods.settings()
    if ((flags & flag.ack) !== 0) {
      if (start !== end) throw frameSizeViolation('an acknowledgement has no settings')
      return
    }
    if ((end - start) % 6 !== 0) throw frameSizeViolation('SETTINGS are six bytes each')
    readSettings(source, start, end, this)
    this.#output.reserve(frameHeaderLength)
    this.#output.at = writeFrameHeader(
      this.#output.buffer,
      this.#output.at,
      0,
      frameType.settings,
      flag.ack,
      0,
    )
  }

  setHeaderTableSize(size: number): void {
    this.#answers.encoder.setTableSize(size)
  }

  setMaxFrame(size: number): void {
    this.#answers.maxFrame = size
  }

  /** RFC 9113 section 6.9.2: open streams have the difference, by which a window may become negative. */
  setInitialWindow(size: number): void {
    const difference = size - this.#answers.initialWindow
    this.#answers.initialWindow = size
    for (const stream of this.#requests.table.values()) {
      stream.sendWindow += difference
      if (stream.sendWindow > maxWindow)
        throw flowControlViolation('INITIAL_WINDOW_SIZE makes a window too large')
    }
  }

  #ping(flags: number, id: number, source: Buffer, start: number, end: number): void {
    if (id !== 0) throw protocolViolation('PING of a stream')
    if (end - start !== 8) throw frameSizeViolation('PING has eight bytes')
    this.#floods.ping()
    if ((flags & flag.ack) === 0) this.#writeFrame(frameType.ping, flag.ack, source.subarray(start, end))
    else if (this.state === 'leaving' && source.compare(drainPing, 0, 8, start, end) === 0) this.#leave()
  }

  #windowUpdate(id: number, source: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw frameSizeViolation('WINDOW_UPDATE has four bytes')
    this.#floods.idleFrame()
    const increment = readUint31(source, start)
    if (id === 0) {
      if (increment === 0) throw protocolViolation('a window that grows by nothing')
      if (!this.#answers.widen(increment))
        throw flowControlViolation('the window of the connection is too large')
      return
    }
    const { table } = this.#requests
    if (id > table.lastId || (id & 1) === 0) throw protocolViolation('WINDOW_UPDATE of a stream that is idle')
    const stream = table.find(id)
    if (stream === undefined) return
    stream.sendWindow += increment
    if (increment === 0) this.#requests.error(stream, errorCode.protocol)
    else if (stream.sendWindow > maxWindow) this.#requests.error(stream, errorCode.flowControl)
  }

  /** RFC 9113 section 5.3 has priorities ignored. */
  #priority(id: number, source: Buffer, start: number, end: number): void {
    if (id === 0) throw protocolViolation('PRIORITY of no stream')
    if (end - start !== 5) throw frameSizeViolation('PRIORITY has five bytes')
    if (readUint31(source, start) === id) throw protocolViolation('a stream that depends on itself')
    this.#floods.idleFrame()
  }

  #goaway(id: number, start: number, end: number): void {
    if (id !== 0) throw protocolViolation('GOAWAY of a stream')
    if (end - start < 8) throw frameSizeViolation('GOAWAY has eight bytes and more')
    this.#floods.idleFrame()
    this.#peerLeaves = true
  }

  /** Answers the calls whose promises have settled. */
  answerSettled(): void {
    this.#requests.calls.answerSettled()
    this.#flush()
  }

  /** What is bounded in time; call it several times a second. */
  tick(now: number): void {
    if (this.state === 'ended') return
    const { bounds } = this.#shared
    const { blocks } = this.#requests
    this.#requests.now = now
    this.#requests.tick(now)
    if (!this.#settled && now - this.#openedAt > bounds.prefaceMs) this.#late('preface_timeout')
    else if (now - this.#partialSince > bounds.frameMs) this.#late('frame_timeout')
    else if (blocks.openStream !== 0 && now - blocks.openedAt > bounds.frameMs) this.#late('frame_timeout')
    this.#flush()
  }

  #late(rule: ConnectionRule): void {
    this.#failBy(new Violation(errorCode.enhanceYourCalm, rule, rule))
  }

  /**
   * Begins to leave (RFC 9113 section 6.8): the peer learns by a GOAWAY that names no stream yet that it should go elsewhere.
   * Its acknowledgement of a PING says that it knows, and that all that it had begun before is here.
   */
  drain(): void {
    if (this.state !== 'open') return
    this.state = 'leaving'
    this.#writeGoaway(maxStreamId, errorCode.none, '')
    this.#writeFrame(frameType.ping, 0, drainPing)
    this.#flush()
  }

  #leave(): void {
    this.state = 'left'
    this.#requests.refusing = true
    this.#writeGoaway(this.#requests.table.lastId, errorCode.none, '')
  }

  /** The socket is gone, or is about to be. */
  abandon(): void {
    this.state = 'ended'
    this.#requests.abandon()
    this.#requests.calls.handOver()
  }

  #failBy(error: unknown): void {
    const violation =
      error instanceof Violation ? error : new Violation(errorCode.internal, 'internal', 'internal error')
    if (violation !== error) this.#shared.observe({ event: 'failed', where: 'grpc-lane', error })
    this.#cut(violation.rule)
    this.#writeGoaway(this.#requests.table.lastId, violation.code, violation.message)
  }

  #cut(rule: ConnectionRule): void {
    countRule(this.#shared.counts, rule)
    this.#shared.observe({ event: 'lane_cut', rule, peer: this.#host.peer })
    this.state = 'ended'
    this.#requests.abandon()
  }

  #writeGoaway(lastId: number, code: number, message: string): void {
    const payload = Buffer.alloc(8 + message.length)
    writeUint32(payload, writeUint32(payload, 0, lastId), code)
    payload.write(message, 8, 'latin1')
    this.#writeFrame(frameType.goaway, 0, payload)
  }

  #writeFrame(type: number, flags: number, payload: Buffer): void {
    this.#output.reserve(frameHeaderLength + payload.length)
    const at = writeFrameHeader(this.#output.buffer, this.#output.at, payload.length, type, flags, 0)
    this.#output.at = at + payload.copy(this.#output.buffer, at)
  }

  /** Sends what is ready, by one write. */
  #flush(): void {
    if (this.state !== 'ended') {
      this.#answers.pump(this.#finished)
      this.#requests.widen()
    }
    const done = this.#peerLeaves || this.state === 'left'
    const bytes = this.#output.take()
    const waiting = bytes === undefined ? 0 : this.#host.send(bytes)
    if (this.state === 'ended') {
      this.#host.end()
      return
    }
    if (waiting + this.#answers.blockedBytes > this.#shared.bounds.queuedBytes) {
      this.#cut('slow_reader')
      this.#host.destroy()
      return
    }
    if (done && this.streams === 0) {
      this.state = 'ended'
      this.#host.end()
    }
  }
}
