import { frameHeaderLength, frameType, writeFrameHeader, writeUint32 } from './frames.ts'
import type { Output } from './output.ts'

/** Writes the frames that are small and rare; those of answers are written in `answers.ts`. */
export function writeFrame(
  output: Output,
  type: number,
  flags: number,
  id: number,
  payload: Uint8Array,
): void {
  output.reserve(frameHeaderLength + payload.length)
  const at = writeFrameHeader(output.buffer, output.at, payload.length, type, flags, id)
  output.buffer.set(payload, at)
  output.at = at + payload.length
}

export function writeReset(output: Output, id: number, code: number): void {
  writeNumber(output, frameType.rstStream, id, code)
}

export function writeWindowUpdate(output: Output, id: number, increment: number): void {
  writeNumber(output, frameType.windowUpdate, id, increment)
}

function writeNumber(output: Output, type: number, id: number, value: number): void {
  output.reserve(frameHeaderLength + 4)
  const at = writeFrameHeader(output.buffer, output.at, 4, type, 0, id)
  output.at = writeUint32(output.buffer, at, value)
}

/** @param message text of ASCII for whoever reads the peer's log */
export function writeGoaway(output: Output, lastId: number, code: number, message: string): void {
  const payload = Buffer.alloc(8 + message.length)
  writeUint32(payload, writeUint32(payload, 0, lastId), code)
  payload.write(message, 8, 'latin1')
  writeFrame(output, frameType.goaway, 0, 0, payload)
}
