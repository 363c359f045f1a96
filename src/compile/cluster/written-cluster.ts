import { ClusterSpec, type EffectiveCluster } from '../../model/cluster.ts'
import type { Document } from '../../model/document.ts'
import { effective } from '../../model/effective.ts'
import type { EffectiveEndpoint } from '../../model/endpoint.ts'
import { failsClosed } from '../../model/pending.ts'
import type { State } from '../../model/state.ts'
import { outlierDocument, outlierPolicy } from '../../policies/outlier-detection/policy-of.ts'
import type { Live } from '../live.ts'
import { Remembered } from '../remembered.ts'
import { clusterSecrets } from '../tls/names.ts'
import { type ClusterMessages, clusterMessages } from './cluster.ts'
import { tierEndpoints } from './tier-endpoints.ts'

/** What a row of the state means to Envoy, and the rows that had a part in it. */
export interface WrittenCluster {
  messages: ClusterMessages
  origins: Document[]
  /** Names of the secrets that it asks for. */
  secrets: string[]
}

const remembered = new Remembered<WrittenCluster>()

/**
 * A cluster with its policy and its endpoints looked up. The same documents and the same announced endpoints give the
 * same objects again, which need no encoding again.
 */
export function writtenCluster(document: Document, state: State, live: Live): WrittenCluster {
  const spec = effective<EffectiveCluster>(ClusterSpec, document.spec)
  const policy = outlierDocument(state, spec.outlierDetection)
  const announced = spec.gateway === undefined ? [] : tierEndpoints(state, spec.gateway, live)
  return remembered.of(document, 'cluster', [policy, JSON.stringify(announced)], () => ({
    messages: clusterMessages(
      document.name,
      spec,
      outlierPolicy(spec.outlierDetection, policy),
      served(spec, announced),
    ),
    origins: policy === undefined ? [document] : [document, policy],
    secrets: clusterSecrets(spec.tls),
  }))
}

/**
 * The endpoints that Envoy is told, in the order of the document. A cluster that needs what is not delivered yet, such
 * as TLS, has none: its requests get a 503 instead of going out in clear.
 */
function served(spec: EffectiveCluster, announced: EffectiveEndpoint[]): EffectiveEndpoint[] {
  return failsClosed(ClusterSpec, spec) ? [] : (spec.endpoints ?? announced)
}
