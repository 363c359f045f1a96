import { ClusterSpec, type EffectiveCluster } from '../model/cluster.ts'
import { effective } from '../model/effective.ts'
import type { Change } from '../model/plan-write.ts'
import { referencesOf } from '../model/references.ts'
import { find, type State } from '../model/state.ts'
import { kinds } from '../policies/index.ts'
import type { EnvoyPlaces } from './cluster/tier-endpoints.ts'
import { writtenEndpoints } from './cluster/written-endpoints.ts'

/** Objects that decide neither on whether a route is served nor on what is behind it. */
const beside = new Set(['Certificate', 'Consumer', 'OutlierDetectionPolicy', 'Plan'])

/**
 * How many routes and endpoints a write takes from any gateway at most, by what it changes and not by what there is: to
 * count those of a gateway costs as much as it has. Infinity where that cannot be told.
 */
export function mostLost(before: State, after: State, changes: readonly Change[], places: EnvoyPlaces) {
  let routes = 0
  let endpoints = 0
  for (const { kind, name, action } of changes) {
    if (action === 'created' || action === 'unchanged' || beside.has(kind)) continue
    if (kind === 'Cluster') {
      endpoints += Math.max(0, endpointsIn(before, name, places) - endpointsIn(after, name, places))
    } else if (kind === 'Route') {
      routes += 1
      for (const cluster of clustersBehind(before, name)) endpoints += endpointsIn(before, cluster, places)
    } else {
      return { routes: Number.POSITIVE_INFINITY, endpoints: Number.POSITIVE_INFINITY }
    }
  }
  return { routes, endpoints }
}

/** Those that a route names itself, and those that its policies do. */
function clustersBehind(state: State, route: string): Set<string> {
  const clusters = new Set<string>()
  const referencesIn = (kind: string, name: string) => {
    const document = find(state, kind, name)?.document
    return document === undefined ? [] : referencesOf(kinds, document)
  }
  const own = referencesIn('Route', route).filter(({ kind }) => kind !== 'Gateway')
  const others = own.flatMap(({ kind, name }) => (kind === 'Cluster' ? [] : referencesIn(kind, name)))
  for (const { kind, name } of [...own, ...others]) if (kind === 'Cluster') clusters.add(name)
  return clusters
}

/** How many endpoints a cluster has; none where it is not there. */
export function endpointsIn(state: State, name: string, places: EnvoyPlaces): number {
  const row = find(state, 'Cluster', name)
  if (row === undefined) return 0
  return writtenEndpoints(effective<EffectiveCluster>(ClusterSpec, row.document.spec), state, places).length
}
