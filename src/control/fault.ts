import { WeirError } from '../errors.ts'
import type { Observe } from '../observe.ts'

/** Tells a fault of `where`; that the database is away is told by the feed. */
export function tellFault(observe: Observe, where: string, error: unknown): void {
  const isAway = error instanceof WeirError && error.code === 'unavailable'
  if (!isAway) observe({ event: 'failed', where, error })
}
