import type { Reference } from '../../model/kind.ts'
import type { PolicyKind } from '../policy-kind.ts'
import { builtInPolicies } from './built-in.ts'
import { check } from './check.ts'
import { checkWrite } from './fallback-loops.ts'
import { filters } from './filters.ts'
import { OutlierDetectionSpec } from './schema.ts'
import { clusterWarnings, routeWarnings, warnings } from './warnings.ts'

/** Clusters name it, and carry it to Envoy; routes to them ask for the strict breaker. */
export const outlierDetection: PolicyKind = {
  kind: 'OutlierDetectionPolicy',
  plural: 'outlier-detection-policies',
  description: 'When failing endpoints, or a failing cluster, are left alone.',
  spec: OutlierDetectionSpec,
  example: {
    name: 'hosts',
    spec: { failurePercentage: 51, requestVolume: 10, interval: '5s', ejectionTime: '30s' },
  },
  references,
  check,
  checkWrite,
  builtIn: builtInPolicies,
  warnings,
  filters,
  routeWarnings,
  clusterWarnings,
}

function references({ breaker }: OutlierDetectionSpec): Reference[] {
  const name = breaker?.fallback?.cluster
  return name === undefined ? [] : [{ pointer: '/spec/breaker/fallback/cluster', kind: 'Cluster', name }]
}
