import type { EffectiveCluster } from '../../model/cluster.ts'
import type { EffectiveEndpoint } from '../../model/endpoint.ts'
import type { State } from '../../model/state.ts'
import type { Live } from '../live.ts'
import { writtenEndpoints } from './written-endpoints.ts'

/** The endpoints that Envoy is told: those of the document, or for a time of grace the last ones where it has none. */
export function servedEndpoints(
  name: string,
  spec: EffectiveCluster,
  state: State,
  live: Live,
): readonly EffectiveEndpoint[] {
  const written = writtenEndpoints(spec, state, live)
  const kept = written.length === 0 && spec.endpoints !== undefined ? live.kept.get(name) : undefined
  return kept ?? written
}
