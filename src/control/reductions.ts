import type { EnvoyPlaces } from '../compile/cluster/tier-endpoints.ts'
import { extentOf } from '../compile/extent.ts'
import { mostLost } from '../compile/most-lost.ts'
import { neverHalf, type Reduction, reductionsOf } from '../model/confirmation.ts'
import type { Change } from '../model/plan-write.ts'
import type { State } from '../model/state.ts'

/** A write, and what it makes of a state. */
export interface Transition {
  before: State
  after: State
  changes: readonly Change[]
}

/**
 * What a write leaves gateways with fewer than half of; `concerned` are those that it has to do with, asked only where
 * it may be that much. Pure, as `compile` is.
 */
export function reductionsBetween(
  { before, after, changes }: Transition,
  concerned: () => ReadonlySet<string>,
  places: EnvoyPlaces,
): Reduction[] {
  const lost = mostLost(before, after, changes, places)
  if (Math.max(lost.routes, lost.endpoints) <= neverHalf) return []
  return [...concerned()]
    .sort()
    .flatMap((gateway) =>
      reductionsOf(gateway, extentOf(before, gateway, places), extentOf(after, gateway, places)),
    )
}
