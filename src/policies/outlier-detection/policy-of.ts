import { defaultOutlierDetection } from '../../model/cluster.ts'
import type { Document } from '../../model/document.ts'
import { effective } from '../../model/effective.ts'
import { find, type State } from '../../model/state.ts'
import { type EffectiveOutlierDetection, OutlierDetectionSpec } from './schema.ts'

/** What `default` means unless a policy of that name is written: a breaker for each endpoint, a lone one, too. */
export const builtIn = { preset: 'hosts' }

/** The document behind a cluster's `outlierDetection`, if there is one. */
export function outlierDocument(state: State, name: string): Document | undefined {
  return find(state, 'OutlierDetectionPolicy', name)?.document
}

/** The policy that a cluster's `outlierDetection` names. Without one no endpoint is ejected. */
export function outlierPolicy(
  name: string,
  document: Document | undefined,
): EffectiveOutlierDetection | undefined {
  const spec = document?.spec ?? (name === defaultOutlierDetection ? builtIn : undefined)
  return spec === undefined ? undefined : effective(OutlierDetectionSpec, spec)
}
