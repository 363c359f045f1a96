import { ClusterSpec, type EffectiveCluster } from '../../model/cluster.ts'
import { effective } from '../../model/effective.ts'
import { emptiedClusters, type KeptEndpoints } from '../../model/kept-endpoints.ts'
import { find, type State } from '../../model/state.ts'

/** What would be kept after a write: the endpoints of a cluster that it empties, and those that are kept already. */
export function keptAfter(before: State, after: State, kept: KeptEndpoints): KeptEndpoints {
  return new Map(
    emptiedClusters(after).flatMap(({ name }) => {
      const spec = find(before, 'Cluster', name)?.document.spec
      const had = spec && effective<EffectiveCluster>(ClusterSpec, spec).endpoints
      const last = had !== undefined && had.length > 0 ? had : kept.get(name)
      return last === undefined ? [] : [[name, last] as const]
    }),
  )
}
