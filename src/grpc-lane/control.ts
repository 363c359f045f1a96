import type { Answers } from './answers.ts'
import type { Floods } from './floods.ts'
import { writeFrame } from './frame-writer.ts'
import { errorCode, flag, frameType, maxWindow, readUint31 } from './frames.ts'
import type { Output } from './output.ts'
import { readSettings, type SettingsSink } from './settings.ts'
import type { Streams } from './streams.ts'
import { flowControlViolation, frameSizeViolation, protocolViolation, Violation } from './violation.ts'

const nothing = Buffer.alloc(0)

/** The frames that are about the connection: SETTINGS, PING, WINDOW_UPDATE, PRIORITY and GOAWAY (RFC 9113 section 6). */
export class Control implements SettingsSink {
  /** The peer's SETTINGS have come, which end its preface. */
  settled = false
  /** The peer has sent GOAWAY: it begins nothing more. */
  peerLeaves = false
  readonly #output: Output
  readonly #answers: Answers
  readonly #floods: Floods
  readonly #streams: Streams

  constructor(output: Output, answers: Answers, floods: Floods, streams: Streams) {
    this.#output = output
    this.#answers = answers
    this.#floods = floods
    this.#streams = streams
  }

  settings(flags: number, id: number, source: Buffer, start: number, end: number): void {
    if (id !== 0) throw protocolViolation('SETTINGS of a stream')
    this.#floods.settings()
    if ((flags & flag.ack) !== 0) {
      if (start !== end) throw frameSizeViolation('an acknowledgement has no settings')
      if (!this.settled) throw unsettled()
      return
    }
    if ((end - start) % 6 !== 0) throw frameSizeViolation('SETTINGS are six bytes each')
    this.settled = true
    readSettings(source, start, end, this)
    writeFrame(this.#output, frameType.settings, flag.ack, 0, nothing)
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
    for (const stream of this.#streams.table.values()) {
      stream.sendWindow += difference
      if (stream.sendWindow > maxWindow) {
        throw flowControlViolation('INITIAL_WINDOW_SIZE makes a window too large')
      }
    }
  }

  /** Answers a PING; of an acknowledgement it says whether it is that of `own`. */
  ping(flags: number, id: number, source: Buffer, start: number, end: number, own: Buffer): boolean {
    if (id !== 0) throw protocolViolation('PING of a stream')
    if (end - start !== 8) throw frameSizeViolation('PING has eight bytes')
    this.#floods.ping()
    if ((flags & flag.ack) !== 0) return source.compare(own, 0, 8, start, end) === 0
    writeFrame(this.#output, frameType.ping, flag.ack, 0, source.subarray(start, end))
    return false
  }

  windowUpdate(id: number, source: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw frameSizeViolation('WINDOW_UPDATE has four bytes')
    this.#floods.idleFrame()
    const increment = readUint31(source, start)
    if (id !== 0) {
      this.#widenStream(id, increment)
      return
    }
    if (increment === 0) throw protocolViolation('a window that grows by nothing')
    if (!this.#answers.widen(increment))
      throw flowControlViolation('the window of the connection is too large')
  }

  #widenStream(id: number, increment: number): void {
    const { table } = this.#streams
    if (id > table.lastId || (id & 1) === 0) throw protocolViolation('WINDOW_UPDATE of a stream that is idle')
    const stream = table.find(id)
    if (stream === undefined) return
    stream.sendWindow += increment
    if (increment === 0) this.#streams.error(stream, errorCode.protocol)
    else if (stream.sendWindow > maxWindow) this.#streams.error(stream, errorCode.flowControl)
  }

  /** RFC 9113 section 5.3 has priorities ignored. */
  priority(id: number, source: Buffer, start: number, end: number): void {
    if (id === 0) throw protocolViolation('PRIORITY of no stream')
    if (end - start !== 5) throw frameSizeViolation('PRIORITY has five bytes')
    if (readUint31(source, start) === id) throw protocolViolation('a stream that depends on itself')
    this.#floods.idleFrame()
  }

  goaway(id: number, start: number, end: number): void {
    if (id !== 0) throw protocolViolation('GOAWAY of a stream')
    if (end - start < 8) throw frameSizeViolation('GOAWAY has eight bytes and more')
    this.#floods.idleFrame()
    this.peerLeaves = true
  }
}

/** RFC 9113 section 3.4: the client's preface ends with SETTINGS. */
export function unsettled(): Violation {
  return new Violation(errorCode.protocol, 'preface', 'the preface ends with SETTINGS')
}
