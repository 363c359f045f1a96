import { ClusterSpec, type EffectiveCluster } from '../../model/cluster.ts'
import type { Document } from '../../model/document.ts'
import { effective } from '../../model/effective.ts'
import type { State } from '../../model/state.ts'
import { outlierDocument, outlierPolicy } from '../../policies/outlier-detection/policy-of.ts'
import type { Live } from '../live.ts'
import { Remembered } from '../remembered.ts'
import { type ClusterMessages, clusterMessages } from './cluster.ts'
import { servedEndpoints } from './served-endpoints.ts'

/** What a row of the state means to Envoy, and the rows that had a part in it. */
export interface WrittenCluster {
  messages: ClusterMessages
  origins: Document[]
}

const remembered = new Remembered<WrittenCluster>()

/**
 * A cluster with its policy and its endpoints looked up. The same documents and the same endpoints give the same objects
 * again, which need no encoding again.
 */
export function writtenCluster(document: Document, state: State, live: Live): WrittenCluster {
  const spec = effective<EffectiveCluster>(ClusterSpec, document.spec)
  const policy = outlierDocument(state, spec.outlierDetection)
  const endpoints = servedEndpoints(document.name, spec, state, live)
  return remembered.of(document, 'cluster', [policy, contentOf(endpoints, spec)], () => ({
    messages: clusterMessages(document.name, spec, outlierPolicy(spec.outlierDetection, policy), endpoints),
    origins: policy === undefined ? [document] : [document, policy],
  }))
}

/** Those of the document are as it is; others are compared by what they are. */
function contentOf(endpoints: readonly unknown[], spec: EffectiveCluster): string | undefined {
  return endpoints === spec.endpoints ? undefined : JSON.stringify(endpoints)
}
