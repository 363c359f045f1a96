import { clientPreface, errorCode, frameHeaderLength, maxFrameLength, readUint31 } from './frames.ts'
import { frameSizeViolation, Violation } from './violation.ts'

/** Is given each frame: its header, and its payload as a part of `source`, which is valid during the call. */
export interface FrameSink {
  frame(type: number, flags: number, streamId: number, source: Buffer, start: number, end: number): void
}

const nothing = Buffer.alloc(0)

/** Cuts what is read into frames (RFC 9113 section 4.1), the client's preface before them. */
export class FrameReader {
  /** When the frame began that is not complete; Infinity where there is none. */
  partialSince = Number.POSITIVE_INFINITY
  /** Bytes of the preface that have come. */
  #preface = 0
  /** A frame that did not come in one piece: its header, then all of it. */
  #part = nothing
  #partLength = 0

  get prefaceDone(): boolean {
    return this.#preface === clientPreface.length
  }

  read(chunk: Buffer, sink: FrameSink, now: number): void {
    let at = this.prefaceDone ? 0 : this.#readPreface(chunk)
    if (this.#partLength > 0) at = this.#complete(chunk, at, sink)
    while (at + frameHeaderLength <= chunk.length) {
      const start = at + frameHeaderLength
      const end = start + lengthOf(chunk, at)
      if (end > chunk.length) break
      sink.frame(chunk[at + 3]!, chunk[at + 4]!, readUint31(chunk, at + 5), chunk, start, end)
      at = end
    }
    if (at < chunk.length) {
      this.#keep(chunk, at)
      this.partialSince = now
    }
  }

  #readPreface(chunk: Buffer): number {
    const length = Math.min(chunk.length, clientPreface.length - this.#preface)
    if (chunk.compare(clientPreface, this.#preface, this.#preface + length, 0, length) !== 0) {
      throw new Violation(errorCode.protocol, 'preface', 'HTTP/2 by prior knowledge is spoken here')
    }
    this.#preface += length
    return length
  }

  /** Adds to the frame that has begun, and says where in the chunk the next one begins. */
  #complete(chunk: Buffer, start: number, sink: FrameSink): number {
    let at = this.#add(chunk, start, frameHeaderLength)
    if (this.#partLength < frameHeaderLength) return at
    const length = frameHeaderLength + lengthOf(this.#part, 0)
    if (this.#part.length < length) this.#makeRoom(length)
    at = this.#add(chunk, at, length)
    if (this.#partLength < length) return at
    const part = this.#part
    this.#part = nothing
    this.#partLength = 0
    this.partialSince = Number.POSITIVE_INFINITY
    sink.frame(part[3]!, part[4]!, readUint31(part, 5), part, frameHeaderLength, length)
    return at
  }

  #keep(chunk: Buffer, start: number): void {
    const whole = chunk.length - start >= frameHeaderLength ? lengthOf(chunk, start) : 0
    this.#makeRoom(frameHeaderLength + whole)
    this.#add(chunk, start, frameHeaderLength + whole)
  }

  #add(chunk: Buffer, start: number, upTo: number): number {
    const end = Math.min(chunk.length, start + Math.max(0, upTo - this.#partLength))
    chunk.copy(this.#part, this.#partLength, start, end)
    this.#partLength += end - start
    return end
  }

  #makeRoom(length: number): void {
    const larger = Buffer.allocUnsafeSlow(length)
    this.#part.copy(larger, 0, 0, this.#partLength)
    this.#part = larger
  }
}

/** Of the frame whose header is there. */
function lengthOf(source: Buffer, at: number): number {
  const length = (source[at]! << 16) | (source[at + 1]! << 8) | source[at + 2]!
  if (length > maxFrameLength) throw frameSizeViolation('a frame beyond SETTINGS_MAX_FRAME_SIZE')
  return length
}
