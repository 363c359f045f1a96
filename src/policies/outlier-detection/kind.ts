import type { PolicyKind } from '../policy-kind.ts'
import { check } from './check.ts'
import { OutlierDetectionSpec } from './schema.ts'

/** Clusters name it, and carry it to Envoy. */
export const outlierDetection: PolicyKind = {
  kind: 'OutlierDetectionPolicy',
  plural: 'outlier-detection-policies',
  description: 'When failing endpoints, or a failing cluster, are left alone.',
  spec: OutlierDetectionSpec,
  example: {
    name: 'hosts',
    spec: { failurePercentage: 51, requestVolume: 10, interval: '5s', ejectionTime: '30s' },
  },
  references: () => [],
  check,
}
