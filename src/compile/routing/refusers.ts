import { struct } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'

const namespace = 'weir.refusers'

/**
 * What a route says to filters, and of the policies that may refuse its requests: their names, by what Envoy writes into
 * `response.code_details` when they do. Nothing else tells which policy was behind it.
 */
export function routeMetadata(
  refusers: Readonly<Record<string, string>>,
  own: Readonly<Record<string, object>>,
): Message {
  const all = Object.keys(refusers).length === 0 ? own : { ...own, [namespace]: refusers }
  if (Object.keys(all).length === 0) return {}
  const structs = Object.entries(all).map(([name, value]) => [name, struct(value)])
  return { metadata: { filter_metadata: Object.fromEntries(structs) } }
}

/** Which of them it was, as an expression of CEL; an error, so nothing, where it was none. */
export const refuser = `xds.route_metadata.filter_metadata['${namespace}'][${key()}]`

/**
 * Of tokens the details say what is wrong with one, so that they begin alike. Breakers refuse as limits do, which tell it
 * themselves, and go by their clusters: no detail is called as one, since names have no underscore.
 */
function key(): string {
  const [token, limited] = ['jwt_authn_access_denied', 'request_rate_limited']
  const details = `response.code_details.startsWith('${token}') ? '${token}' : response.code_details`
  return `response.code_details == '${limited}' ? xds.cluster_name : ${details}`
}
