import type { Bounds } from './bounds.ts'
import type { Budget } from './budget.ts'
import { readUint32 } from './frames.ts'
import { type Refusal, refusals } from './refusal.ts'
import type { Stream } from './stream.ts'

const prefixLength = 5
const empty = Buffer.alloc(0)

/**
 * Takes a part of a request's body: a message with its compressed flag and length before it (gRPC over HTTP/2). What does
 * not come in one piece is put together in a copy, whose room grows with what came and not with what was announced.
 *
 * @param ends whether it is the last part
 * @returns why there will be no message to hand over
 */
export function takeMessage(
  stream: Stream,
  source: Buffer,
  start: number,
  end: number,
  ends: boolean,
  bounds: Bounds,
  held: Budget,
): Refusal | undefined {
  const length = end - start - prefixLength
  if (
    ends &&
    stream.prefix === 0 &&
    length >= 0 &&
    source[start] === 0 &&
    readUint32(source, start + 1) === length
  ) {
    if (length > bounds.messageBytes) return refusals.messageSize
    stream.message = source.subarray(start + prefixLength, end)
    return undefined
  }
  let at = start
  while (stream.prefix < prefixLength && at < end) {
    const refusal = takePrefix(stream, source[at++]!, bounds)
    if (refusal !== undefined) return refusal
  }
  if (stream.prefix === prefixLength) {
    const refusal = takePart(stream, source, at, end, held)
    if (refusal !== undefined) return refusal
  }
  if (!ends || stream.message !== undefined) return undefined
  return stream.prefix === 0 ? refusals.cardinality : refusals.truncated
}

function takePrefix(stream: Stream, byte: number, bounds: Bounds): Refusal | undefined {
  if (stream.prefix++ === 0) return byte === 0 ? undefined : refusalOfFlag(byte, stream.head.encoded)
  stream.messageLength = stream.messageLength * 256 + byte
  return stream.prefix === prefixLength && stream.messageLength > bounds.messageBytes
    ? refusals.messageSize
    : undefined
}

/** gRPC's compression: no encoding but identity is known here, and identity is never flagged. */
function refusalOfFlag(byte: number, encoded: boolean): Refusal {
  if (byte > 1) return refusals.flag
  return encoded ? refusals.encoding : refusals.flagged
}

function takePart(
  stream: Stream,
  source: Buffer,
  start: number,
  end: number,
  held: Budget,
): Refusal | undefined {
  const length = end - start
  const needed = stream.partLength + length
  if (needed > stream.messageLength) return refusals.cardinality
  const room = stream.part === undefined ? 0 : stream.part.length
  if (needed > room) {
    const larger = Math.min(stream.messageLength, Math.max(needed, 2 * room))
    if (!held.take(larger - room)) return refusals.heldBytes
    const part = Buffer.allocUnsafeSlow(larger)
    stream.part?.copy(part, 0, 0, stream.partLength)
    stream.part = part
  }
  if (length > 0) source.copy(stream.part!, stream.partLength, start, end)
  stream.partLength = needed
  if (needed === stream.messageLength) stream.message = stream.part ?? empty
  return undefined
}

/** The message is not needed any more. */
export function dropMessage(stream: Stream, held: Budget): void {
  if (stream.part !== undefined) held.giveBack(stream.part.length)
  stream.part = undefined
  stream.message = undefined
}
