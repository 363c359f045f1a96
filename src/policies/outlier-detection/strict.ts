import { ClusterSpec, type EffectiveCluster } from '../../model/cluster.ts'
import type { Document } from '../../model/document.ts'
import { effective } from '../../model/effective.ts'
import { all, find, type State } from '../../model/state.ts'
import type { Breaker } from './breaker.ts'
import { outlierDocument } from './policy-of.ts'
import type { OutlierDetectionSpec } from './schema.ts'

/** The policy that a cluster names, by itself or by default. */
export function policyNamedBy({ spec }: Document): string {
  return effective<EffectiveCluster>(ClusterSpec, spec).outlierDetection
}

/** The strict breaker of a cluster as it is written, if it has one. */
export function strictBreakerOf(state: State, cluster: string): Breaker | undefined {
  const document = find(state, 'Cluster', cluster)?.document
  const policy = document === undefined ? undefined : outlierDocument(state, policyNamedBy(document))
  return (policy?.spec as OutlierDetectionSpec | undefined)?.breaker
}

/** The clusters that have a policy. */
export function clustersWith(state: State, policy: string): Document[] {
  return all(state, 'Cluster').flatMap(({ document }) =>
    policyNamedBy(document) === policy ? [document] : [],
  )
}
