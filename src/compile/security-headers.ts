import { any } from '../envoy-api/build.ts'
import type { Listener } from '../model/listener.ts'
import { baselineHeaders, type SecurityHeaders } from '../model/security-headers.ts'
import type { HttpFilter } from '../policies/policy-kind.ts'

/**
 * The preset of response headers, for what services answer and for what Envoy answers itself. What is there already stays,
 * whoever wrote it. First of all filters, since an answer passes only those before the one that gave it.
 */
export function securityHeaders(preset: SecurityHeaders | undefined, { protocol }: Listener): HttpFilter[] {
  if (preset !== 'baseline') return []
  const response_mutations = Object.entries(baselineHeaders(protocol)).map(([key, value]) => ({
    append: { header: { key, value }, append_action: 'ADD_IF_ABSENT' },
  }))
  const config = any('envoy.extensions.filters.http.header_mutation.v3.HeaderMutation', {
    mutations: { response_mutations },
  })
  return [{ phase: 'strip', name: 'weir.security_headers', config }]
}
