import { ClusterSpec, type EffectiveCluster } from './cluster.ts'
import type { Document } from './document.ts'
import { milliseconds } from './duration.ts'
import { effective } from './effective.ts'
import type { EffectiveEndpoint } from './endpoint.ts'
import { all, type State } from './state.ts'

/** By cluster, the last endpoints of one that has none any more, for as long as they are served all the same. */
export type KeptEndpoints = ReadonlyMap<string, readonly EffectiveEndpoint[]>

/** A cluster whose list of endpoints is empty, and that keeps the last ones for so many milliseconds. */
export interface EmptiedCluster {
  readonly name: string
  readonly document: Document
  readonly graceMs: number
}

/** The clusters of a state that may keep endpoints, by name. */
export function emptiedClusters(state: State): EmptiedCluster[] {
  return all(state, 'Cluster').flatMap(({ document }) => {
    const graceMs = graceOf(document)
    return graceMs === 0 ? [] : [{ name: document.name, document, graceMs }]
  })
}

function graceOf({ spec }: Document): number {
  // Most have endpoints, and are passed over without a look at their defaults.
  if ((spec as ClusterSpec).endpoints?.length !== 0) return 0
  return milliseconds(effective<EffectiveCluster>(ClusterSpec, spec).emptyEndpointsGrace ?? '0s')
}

/** The last endpoints that a cluster had before its list became empty, as the history has them. */
export interface LastEndpoints {
  readonly name: string
  /** Of the document that had them last. */
  readonly spec: Record<string, unknown>
  /** For how many milliseconds the list has been empty, by the database's clock. */
  readonly emptyForMs: number
}
