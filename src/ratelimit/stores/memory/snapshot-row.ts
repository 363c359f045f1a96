import { rowNumbers } from '../../algorithms/algorithm.ts'
import type { CounterId } from '../../identity/counter-id.ts'
import { algorithmBits } from './counters.ts'
import type { Segment } from './segment.ts'

/**
 * A counter in a snapshot, little-endian: its id (4 x int32), when it is over (float64, microseconds since the epoch),
 * its numbers (4 x float64), and its tag (uint32: the policy's index, then 8 bits of the algorithm's).
 */
export const rowBytes = 16 + 8 + rowNumbers * 8 + 4

const expiresOffset = 16
const numbersOffset = expiresOffset + 8
const tagOffset = numbersOffset + rowNumbers * 8

export interface SnapshotRow {
  id: CounterId
  expiresAt: number
  policyIndex: number
  algorithmIndex: number
}

export function encodeRow(view: DataView, offset: number, segment: Segment, slot: number): void {
  const { a, b, c, d } = segment.idAt(slot)
  view.setInt32(offset, a, true)
  view.setInt32(offset + 4, b, true)
  view.setInt32(offset + 8, c, true)
  view.setInt32(offset + 12, d, true)
  view.setFloat64(offset + expiresOffset, segment.expires[slot]!, true)
  for (let index = 0; index < rowNumbers; index++) {
    const number = segment.numbers[slot * rowNumbers + index]!
    view.setFloat64(offset + numbersOffset + index * 8, number, true)
  }
  view.setUint32(offset + tagOffset, segment.tags[slot]!, true)
}

/** A row without its numbers. */
export function decodeRow(view: DataView, offset: number): SnapshotRow {
  const tag = view.getUint32(offset + tagOffset, true)
  return {
    id: {
      a: view.getInt32(offset, true),
      b: view.getInt32(offset + 4, true),
      c: view.getInt32(offset + 8, true),
      d: view.getInt32(offset + 12, true),
    },
    expiresAt: view.getFloat64(offset + expiresOffset, true),
    policyIndex: tag >>> algorithmBits,
    algorithmIndex: tag & (2 ** algorithmBits - 1),
  }
}

/** Copies a row's numbers to where its counter is kept. */
export function decodeNumbers(view: DataView, offset: number, segment: Segment, slot: number): void {
  for (let index = 0; index < rowNumbers; index++) {
    const number = view.getFloat64(offset + numbersOffset + index * 8, true)
    segment.numbers[slot * rowNumbers + index] = number
  }
}
