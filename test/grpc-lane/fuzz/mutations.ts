import { uint32 } from '../wire.ts'
import { bytesOf, type Frame, frame, frameType as types } from './frames.ts'
import type { Random } from './random.ts'

/** Changes of one frame that the protocol forgives, or that cost a stream: the frames behind it are still parsed. */
function tame(random: Random, original: Frame): Frame {
  const changed = { ...original, mutated: true }
  // Flags that no frame has, and the reserved bit before a stream's id.
  if (random.chance(0.5)) changed.flags ^= random.of([0x02, 0x10, 0x40, 0x80])
  else changed.id = (changed.id ^ 0x80000000) >>> 0
  const { payload } = original
  switch (original.type) {
    case types.data:
      if (payload.length > 0 && (original.flags & 8) === 0) changed.payload = flipped(random, payload)
      break
    case types.priority:
      changed.payload = random.bytes(payload.length)
      break
    case types.rstStream:
      changed.payload = uint32(random.below(2 ** 32))
      break
    case types.ping:
      changed.payload = flipped(random, payload)
      break
    case types.windowUpdate:
      if (original.id !== 0) changed.payload = uint32(random.below(2 ** 32))
      break
    default:
      if (original.type > types.continuation) changed.payload = random.bytes(random.below(60))
  }
  return changed
}

/** Changes of one frame that may be anything: most of them cost the connection. */
function wild(random: Random, original: Frame): Frame {
  const changed = { ...original, mutated: true }
  switch (random.below(7)) {
    case 0:
      changed.type = random.below(12)
      break
    case 1:
      changed.flags = random.below(256)
      break
    case 2:
      changed.id = random.of([0, random.below(1_000), random.below(2 ** 32)])
      break
    case 3:
      changed.length = random.of([
        0,
        1,
        original.payload.length + 1,
        random.below(100),
        16_385,
        random.below(2 ** 24),
      ])
      break
    case 4:
      if (original.payload.length > 0) changed.payload = flipped(random, original.payload)
      break
    case 5:
      changed.payload = original.payload.subarray(0, random.below(original.payload.length + 1))
      break
    default:
      changed.payload = Buffer.concat([original.payload, random.bytes(1 + random.below(20))])
  }
  return changed
}

function flipped(random: Random, payload: Uint8Array): Buffer {
  const copy = Buffer.from(payload)
  copy[random.below(copy.length)]! ^= 1 << random.below(8)
  return copy
}

export interface Shares {
  tame: number
  wild: number
  /** Of frames that are repeated, left out, or change places with the next. */
  moved: number
}

/** A conversation with so much of it changed. */
export function mutated(random: Random, frames: readonly Frame[], shares: Shares): Frame[] {
  const changed: Frame[] = []
  for (const each of frames) {
    if (random.chance(shares.wild)) changed.push(wild(random, each))
    else if (random.chance(shares.tame)) changed.push(tame(random, each))
    else changed.push(each)
    if (random.chance(shares.moved)) move(random, changed)
  }
  return changed
}

function move(random: Random, frames: Frame[]): void {
  const last = { ...frames.pop()!, mutated: true }
  switch (random.below(3)) {
    case 0:
      frames.push(last, last)
      break
    case 1:
      frames.splice(Math.max(0, frames.length - 1), 0, last)
      break
    default:
      // Left out.
      if (frames.length > 0) frames[frames.length - 1] = { ...frames.at(-1)!, mutated: true }
  }
}

/** Bytes with bits that are flipped, and pieces that are gone or come twice, wherever frames begin. */
export function torn(random: Random, frames: readonly Frame[]): Buffer {
  const bytes = bytesOf(frames)
  for (let left = random.below(4); left >= 0; left--)
    bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
  const [one, other] = [random.below(bytes.length), random.below(bytes.length)]
  return Buffer.concat([bytes.subarray(0, one), bytes.subarray(other)])
}

/** In chunks as a network may cut them: in one, in some, or byte by byte. */
export function chunksOf(random: Random, bytes: Buffer): Buffer[] {
  const most = random.of([bytes.length, bytes.length, 4_000, 300, bytes.length < 3_000 ? 1 : 300])
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + random.below(most))
    chunks.push(bytes.subarray(at, end))
    at = end
  }
  return chunks
}

/** Control frames enough to reach the bounds on floods, in a conversation that is else right. */
export function flooded(random: Random, frames: readonly Frame[]): Frame[] {
  const one = random.of([
    frame(types.settings, 0, 0),
    frame(types.ping, 0, 0, random.bytes(8)),
    frame(types.data, 0, 1),
    frame(types.priority, 0, 3, Buffer.of(0, 0, 0, 1, 1)),
    frame(types.windowUpdate, 0, 0, uint32(1)),
  ])
  const count = random.of([150, 1_200, 11_000])
  const many = Array.from({ length: count }, () => ({ ...one, mutated: true }))
  return [...frames.slice(0, 2), ...many, ...frames.slice(2)]
}
