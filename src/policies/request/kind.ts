import type { PolicyKind } from '../policy-kind.ts'
import { RequestSpec } from './schema.ts'

/** Routes name it; how Envoy gets it is to come, and until then such routes answer 503. */
export const request: PolicyKind = {
  kind: 'RequestPolicy',
  plural: 'request-policies',
  description: 'What a request may be.',
  spec: RequestSpec,
  example: { name: 'json', spec: { maxBytes: '64KiB', contentTypes: ['application/json'] } },
  references: () => [],
}
