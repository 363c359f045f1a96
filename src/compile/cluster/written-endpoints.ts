import { ClusterSpec, type EffectiveCluster } from '../../model/cluster.ts'
import type { EffectiveEndpoint } from '../../model/endpoint.ts'
import { failsClosed } from '../../model/pending.ts'
import type { State } from '../../model/state.ts'
import { type EnvoyPlaces, tierEndpoints } from './tier-endpoints.ts'

/**
 * The endpoints of a cluster by what is written, in the order of the document, or where the Envoys of its gateway are. A
 * cluster that needs what is not delivered yet has none: its requests get a 503 instead of going out in clear.
 */
export function writtenEndpoints(
  spec: EffectiveCluster,
  state: State,
  places: EnvoyPlaces,
): readonly EffectiveEndpoint[] {
  if (failsClosed(ClusterSpec, spec)) return []
  return spec.endpoints ?? (spec.gateway === undefined ? [] : tierEndpoints(state, spec.gateway, places))
}
