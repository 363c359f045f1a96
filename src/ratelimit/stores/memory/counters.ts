import { type Micros, rowNumbers } from '../../algorithms/algorithm.ts'
import { type AlgorithmName, algorithmNames } from '../../algorithms/bound-rule.ts'
import type { CounterId } from '../../identity/counter-id.ts'
import { Segment } from './segment.ts'
import { Shares } from './shares.ts'

/**
 * Counters of a segment when there are as many as there should be at most. It sets the longest pause: a segment that
 * grows moves its rows at once, at most some thousand.
 */
const rowsPerSegment = 2_048

/** Bits of a row's tag that say its algorithm; the others say its policy. */
export const algorithmBits = 8

/** A row as it is kept: whose, and until when. Its numbers are its segment's. */
export interface RowOwner {
  policy: string
  algorithm: AlgorithmName
}

/** All counters of a store: rows in segments, and how many each policy holds. */
export class Counters {
  readonly segments: readonly Segment[]
  readonly shares: Shares
  size = 0
  #sweptSegment = 0
  #sweptSlot = 0

  constructor(maxCounters: number) {
    const wanted = Math.max(1, maxCounters / rowsPerSegment)
    this.segments = Array.from({ length: 2 ** Math.ceil(Math.log2(wanted)) }, () => new Segment())
    this.shares = new Shares(maxCounters)
  }

  segmentOf({ a }: CounterId): Segment {
    return this.segments[a & (this.segments.length - 1)]!
  }

  /** Adds a row that is not there, for its numbers to be written into; answers with its slot. */
  insert(id: CounterId, { policy, algorithm }: RowOwner, expiresAt: Micros): number {
    const { index } = this.shares.add(policy)
    this.size++
    const tag = index * 2 ** algorithmBits + algorithmNames.indexOf(algorithm)
    return this.segmentOf(id).insert(id, expiresAt, tag)
  }

  remove(segment: Segment, slot: number): void {
    this.shares.release(segment.tags[slot]! >>> algorithmBits)
    this.size--
    segment.remove(slot)
  }

  /** Whose the row is. */
  ownerOf(segment: Segment, slot: number): RowOwner {
    const tag = segment.tags[slot]!
    return {
      policy: this.shares.at(tag >>> algorithmBits).policy,
      algorithm: algorithmNames[tag & (2 ** algorithmBits - 1)]!,
    }
  }

  /**
   * Whether a row may go. One whose policy was edited since it was used stays as long as it was asked for: `expires` is
   * by the rule of its last use.
   */
  isOver(segment: Segment, slot: number, now: Micros): boolean {
    if (segment.expires[slot]! > now) return false
    const { editedAt, keptUntil, overSince } = this.shares.at(segment.tags[slot]! >>> algorithmBits)
    const usedAt = segment.numbers[slot * rowNumbers]!
    return keptUntil <= now || usedAt > editedAt || usedAt <= overSince
  }

  /** Looks at the next so many slots and removes the rows that are over. */
  sweep(slots: number, now: Micros): void {
    let segment = this.segments[this.#sweptSegment]!
    for (let looked = 0; looked < slots; looked++) {
      if (this.#sweptSlot >= segment.slots) {
        this.#sweptSlot = 0
        this.#sweptSegment = (this.#sweptSegment + 1) % this.segments.length
        segment = this.segments[this.#sweptSegment]!
      }
      const expiresAt = segment.expires[this.#sweptSlot]!
      // A row that is removed may have another in its place, which is looked at next.
      if (expiresAt !== 0 && expiresAt <= now && this.isOver(segment, this.#sweptSlot, now)) {
        this.remove(segment, this.#sweptSlot)
      } else {
        this.#sweptSlot++
      }
    }
  }
}
