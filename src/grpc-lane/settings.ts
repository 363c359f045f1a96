import type { Bounds } from './bounds.ts'
import {
  frameHeaderLength,
  frameType,
  maxFrameLength,
  maxWindow,
  readUint32,
  writeFrameHeader,
  writeUint32,
} from './frames.ts'
import { flowControlViolation, protocolViolation } from './violation.ts'

/** RFC 9113 section 6.5.2. */
const setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const

/**
 * Bytes that the peer may send on a stream and on the connection before it hears from us. What is kept of them has bounds of
 * its own, so that the windows are there to be out of the way: a message fits into a stream's, and the connection's is
 * opened again in steps of a half.
 */
export const streamWindow = (bounds: Bounds): number => Math.min(maxWindow, bounds.messageBytes + 65_536)
export const connectionWindow = 32 * 1024 * 1024

/** Our SETTINGS and the connection's window: what a server says first. */
export function greeting(bounds: Bounds): Buffer {
  const ours = [
    [setting.headerTableSize, bounds.tableBytes],
    [setting.maxConcurrentStreams, bounds.streams],
    [setting.initialWindowSize, streamWindow(bounds)],
    [setting.maxHeaderListSize, bounds.blockBytes],
  ] as const
  const bytes = Buffer.alloc(2 * frameHeaderLength + 6 * ours.length + 4)
  let at = writeFrameHeader(bytes, 0, 6 * ours.length, frameType.settings, 0, 0)
  for (const [name, value] of ours) at = writeUint32(bytes, bytes.writeUInt16BE(name, at), value)
  at = writeFrameHeader(bytes, at, 4, frameType.windowUpdate, 0, 0)
  writeUint32(bytes, at, connectionWindow - 65_535)
  return bytes
}

/** What the peer's SETTINGS change here. */
export interface SettingsSink {
  setHeaderTableSize(size: number): void
  setInitialWindow(size: number): void
  setMaxFrame(size: number): void
}

/**
 * Reads the payload of SETTINGS, whose length is a multiple of six; values in order, unknown ones ignored. Of several initial
 * windows only the last is made known: each costs a look at all streams, and a frame has room for 2,730.
 */
export function readSettings(source: Buffer, start: number, end: number, sink: SettingsSink): void {
  let initialWindow: number | undefined
  for (let at = start; at < end; at += 6) {
    const name = (source[at]! << 8) | source[at + 1]!
    const value = readUint32(source, at + 2)
    if (name === setting.headerTableSize) sink.setHeaderTableSize(value)
    else if (name === setting.enablePush && value > 1) throw protocolViolation('ENABLE_PUSH is 0 or 1')
    else if (name === setting.initialWindowSize) {
      if (value > maxWindow) throw flowControlViolation('INITIAL_WINDOW_SIZE is too large')
      initialWindow = value
    } else if (name === setting.maxFrameSize) {
      if (value < maxFrameLength || value > 0xffffff)
        throw protocolViolation('MAX_FRAME_SIZE is out of range')
      sink.setMaxFrame(value)
    }
  }
  if (initialWindow !== undefined) sink.setInitialWindow(initialWindow)
}
