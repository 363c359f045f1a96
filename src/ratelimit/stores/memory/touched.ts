import type { CounterId } from '../../identity/counter-id.ts'
import type { Hit } from '../counter-store.ts'

/** A counter that a request meets; two of its hits on one counter meet the same. */
export interface Touched {
  readonly id: CounterId
  /** Its state as it is kept; nothing where it is idle. */
  readonly before: unknown
  /** Its state as the hits so far would leave it. */
  after: unknown
  /** The last that took from it, or the first that met it. */
  hit: Hit
}

/** Requests have few hits, so that looking through all is the fastest. */
export function findTouched(all: readonly Touched[], { a, b, c, d }: CounterId): Touched | undefined {
  for (const touched of all) {
    const { id } = touched
    if (a === id.a && b === id.b && c === id.c && d === id.d) return touched
  }
  return undefined
}
