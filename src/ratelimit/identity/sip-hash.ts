import type { CounterId } from './counter-id.ts'

/** A key of 128 bits, as four 32-bit integers in little-endian order. */
export type SipKey = readonly [number, number, number, number]

/** The same memory as bytes and as words: of the machine, which is little-endian wherever weir runs. */
export interface SipInput {
  readonly bytes: Buffer
  readonly words: Int32Array
}

/** @param length in bytes; rounded up to whole words */
export function sipInput(length: number): SipInput {
  const memory = new ArrayBuffer(Math.ceil(length / 8) * 8)
  return { bytes: Buffer.from(memory), words: new Int32Array(memory) }
}

export function sipKey(bytes: Buffer): SipKey {
  return [bytes.readInt32LE(0), bytes.readInt32LE(4), bytes.readInt32LE(8), bytes.readInt32LE(12)]
}

/**
 * SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input PRF"; its reference
 * implementation): nobody without the key can find two inputs of one hash. Hashes the first `length` bytes of `input`,
 * which must have room for 8 more: they are overwritten. 64-bit words are pairs of 32-bit integers, low half first.
 */
export function sipHash128(key: SipKey, { bytes, words }: SipInput, length: number): CounterId {
  const blocks = (length >>> 3) + 1
  const end = (blocks << 3) - 1
  for (let at = length; at < end; at++) bytes[at] = 0
  bytes[end] = length
  let v0l = key[0] ^ 0x70736575
  let v0h = key[1] ^ 0x736f6d65
  let v1l = key[2] ^ 0x6e646f6d ^ 0xee
  let v1h = key[3] ^ 0x646f7261
  let v2l = key[0] ^ 0x6e657261
  let v2h = key[1] ^ 0x6c796765
  let v3l = key[2] ^ 0x79746573
  let v3h = key[3] ^ 0x74656462
  let a = 0
  let b = 0
  // The blocks of the message with 2 rounds each, then two halves of the output with 4 rounds each.
  for (let step = 0; step < blocks + 2; step++) {
    const isBlock = step < blocks
    const low = isBlock ? words[step << 1]! : 0
    const high = isBlock ? words[(step << 1) + 1]! : 0
    v3l ^= low
    v3h ^= high
    if (step === blocks) v2l ^= 0xee
    if (step === blocks + 1) v1l ^= 0xdd
    for (let round = isBlock ? 2 : 4; round > 0; round--) {
      let sum = (v0l >>> 0) + (v1l >>> 0)
      v0h = (v0h + v1h + (sum > 0xffff_ffff ? 1 : 0)) | 0
      v0l = sum | 0
      let turned = v1l
      v1l = ((v1l << 13) | (v1h >>> 19)) ^ v0l
      v1h = ((v1h << 13) | (turned >>> 19)) ^ v0h
      turned = v0l
      v0l = v0h
      v0h = turned
      sum = (v2l >>> 0) + (v3l >>> 0)
      v2h = (v2h + v3h + (sum > 0xffff_ffff ? 1 : 0)) | 0
      v2l = sum | 0
      turned = v3l
      v3l = ((v3l << 16) | (v3h >>> 16)) ^ v2l
      v3h = ((v3h << 16) | (turned >>> 16)) ^ v2h
      sum = (v0l >>> 0) + (v3l >>> 0)
      v0h = (v0h + v3h + (sum > 0xffff_ffff ? 1 : 0)) | 0
      v0l = sum | 0
      turned = v3l
      v3l = ((v3l << 21) | (v3h >>> 11)) ^ v0l
      v3h = ((v3h << 21) | (turned >>> 11)) ^ v0h
      sum = (v2l >>> 0) + (v1l >>> 0)
      v2h = (v2h + v1h + (sum > 0xffff_ffff ? 1 : 0)) | 0
      v2l = sum | 0
      turned = v1l
      v1l = ((v1l << 17) | (v1h >>> 15)) ^ v2l
      v1h = ((v1h << 17) | (turned >>> 15)) ^ v2h
      turned = v2l
      v2l = v2h
      v2h = turned
    }
    v0l ^= low
    v0h ^= high
    if (step === blocks) {
      a = v0l ^ v1l ^ v2l ^ v3l
      b = v0h ^ v1h ^ v2h ^ v3h
    }
  }
  return { a, b, c: v0l ^ v1l ^ v2l ^ v3l, d: v0h ^ v1h ^ v2h ^ v3h }
}
