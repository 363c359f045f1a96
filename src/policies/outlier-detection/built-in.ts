import { defaultOutlierDetection as name } from '../../model/cluster.ts'
import type { Document } from '../../model/document.ts'
import type { State } from '../../model/state.ts'
import { builtIn, outlierDocument } from './policy-of.ts'
import { clustersWith } from './strict.ts'

/** `default` as a document, where a cluster has it and nobody has written one of that name. */
export function builtInPolicies(state: State): Document[] {
  if (outlierDocument(state, name) !== undefined || clustersWith(state, name).length === 0) return []
  return [{ kind: 'OutlierDetectionPolicy', name, labels: {}, owner: '', spec: builtIn }]
}
