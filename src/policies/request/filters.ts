import { any, struct, wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { HttpFilter } from '../policy-kind.ts'

/** Where Envoy keeps why a request is refused that a filter or a route of ours refuses, under `refusal`. */
export const metadataNamespace = 'weir.request'

export type Refusal = 'content_type' | 'method' | 'closed'

const bodyFilter = 'weir.request'
const emptyFilter = 'weir.no_body'

const chainPackage = 'envoy.extensions.filters.http.filter_chain.v3'
const luaPackage = 'envoy.extensions.filters.http.lua.v3'

/**
 * Two filters, which do nothing until a route says what. Envoy's body_size_limit has no settings per route of its own
 * (Envoy docs: configuration/http/http_filters/body_size_limit_filter, filter_chain_filter), and lets at least one byte
 * through, so that a script says whether there is a body at all.
 */
export function filters(): HttpFilter[] {
  const scripts = { source_codes: { [emptyFilter]: { inline_string: refuseBody } } }
  return [
    { phase: 'size', name: bodyFilter, config: exceptUpgrades(any(`${chainPackage}.FilterChainConfig`, {})) },
    { phase: 'size', name: emptyFilter, config: exceptUpgrades(any(`${luaPackage}.Lua`, scripts)) },
  ]
}

const refuseBody = `function envoy_on_request(request)
  local body = request:body()
  if body ~= nil and body:length() > 0 then request:respond({[":status"] = "413"}, "") end
end
`

/** What flows over a connection that a request was upgraded to is no body. */
function exceptUpgrades(typed_config: Message): Message {
  const skip = {
    name: 'skip',
    typed_config: any('envoy.extensions.filters.common.matcher.action.v3.SkipFilter', {}),
  }
  return any('envoy.extensions.common.matching.v3.ExtensionWithMatcher', {
    extension_config: { name: 'inner', typed_config },
    xds_matcher: { matcher_list: { matchers: [{ predicate: isUpgrade, on_match: { action: skip } }] } },
  })
}

/**
 * Envoy takes `upgrade` away from requests that do not ask for one, sends nothing of what follows until the upstream has
 * agreed, and makes this of HTTP/2's extended CONNECT, too. With a content-length there is a body, whatever it asks for.
 */
const isUpgrade: Message = {
  and_matcher: {
    predicate: [
      { single_predicate: isPresent('upgrade') },
      { not_matcher: { single_predicate: isPresent('content-length') } },
    ],
  },
}

function isPresent(header: string): Message {
  return {
    input: {
      name: header,
      typed_config: any('envoy.type.matcher.v3.HttpRequestHeaderMatchInput', { header_name: header }),
    },
    value_match: { safe_regex: { google_re2: {}, regex: '.+' } },
  }
}

/** Per-route settings of the filters, by their names. */
type Settings = Record<string, Message>

/** Refuses larger bodies with a 413, as soon as a content-length says so or that much has come; nothing is buffered. */
export function bodyOf(maxBytes: number): Settings {
  return maxBytes === 0 ? noBody([]) : chain([sizeLimit(maxBytes)])
}

/** Refuses any body, and says why. */
export function noBodyBecause(refusal: Refusal): Settings {
  return noBody([because(refusal)])
}

/** Says why the route's own answer refuses the request. */
export function refused(refusal: Refusal): Settings {
  return chain([because(refusal)])
}

/** Names the policy behind a refused body, by the details that either of the filters gives. */
export function bodyRefuser(policy: string): Record<string, string> {
  return { request_payload_too_large: policy, lua_response: policy }
}

/** Whether there is a body is known when it ends, or when a second byte comes: the size limit lets one byte pass. */
function noBody(first: readonly Message[]): Settings {
  const script = any(`${luaPackage}.LuaPerRoute`, { name: emptyFilter })
  return { ...chain([...first, sizeLimit(1)]), [emptyFilter]: script }
}

function chain(filters: readonly Message[]): Settings {
  return { [bodyFilter]: any(`${chainPackage}.FilterChainConfigPerRoute`, { filter_chain: { filters } }) }
}

function sizeLimit(maxBytes: number): Message {
  const config = { max_request_bytes: wrap(maxBytes) }
  return {
    name: 'size',
    typed_config: any('envoy.extensions.filters.http.body_size_limit.v3.BodySizeLimit', config),
  }
}

function because(refusal: Refusal): Message {
  const metadata = [{ metadata_namespace: metadataNamespace, value: struct({ refusal }) }]
  return {
    name: 'why',
    typed_config: any('envoy.extensions.filters.http.set_metadata.v3.Config', { metadata }),
  }
}
