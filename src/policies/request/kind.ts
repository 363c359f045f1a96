import type { PolicyKind } from '../policy-kind.ts'
import { everyRoute, namedBy, route } from './compile.ts'
import { filters } from './filters.ts'
import { RequestSpec } from './schema.ts'
import { warnings } from './warnings.ts'

/**
 * What Envoy itself holds requests to. Where a policy has more (`openapi`, `reject`), its routes answer 503 until that is
 * delivered, too.
 */
export const request: PolicyKind = {
  kind: 'RequestPolicy',
  plural: 'request-policies',
  description: 'What a request may be.',
  spec: RequestSpec,
  example: { name: 'json', spec: { maxBytes: '64KiB', contentTypes: ['application/json'] } },
  references: () => [],
  warnings,
  filters,
  everyRoute,
  namedBy,
  route,
}
