import { frameType } from '../../../src/grpc-lane/frames.ts'

export { frameType }

/** A frame in parts; `length` is what its header says where that is not the payload's. */
export interface Frame {
  type: number
  flags: number
  id: number
  payload: Uint8Array
  length?: number
  /** Something was changed of it. */
  mutated?: boolean
}

export function bytesOf(frames: readonly Frame[]): Buffer {
  let size = 0
  for (const { payload } of frames) size += 9 + payload.length
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  for (const { type, flags, id, payload, length = payload.length } of frames) {
    bytes.writeUIntBE(length & 0xffffff, at, 3)
    bytes[at + 3] = type
    bytes[at + 4] = flags
    bytes.writeUInt32BE(id >>> 0, at + 5)
    bytes.set(payload, at + 9)
    at += 9 + payload.length
  }
  return bytes
}

/** Whole frames, in parts. */
export function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3)
    const [type, flags, id] = [bytes[at + 3]!, bytes[at + 4]!, bytes.readUInt32BE(at + 5)]
    frames.push({ type, flags, id, payload: bytes.subarray(at + 9, end) })
    at = end
  }
  return frames
}

export const frame = (
  type: number,
  flags: number,
  id: number,
  payload: Uint8Array = new Uint8Array(),
): Frame => ({
  ...{ type, flags, id, payload },
})
