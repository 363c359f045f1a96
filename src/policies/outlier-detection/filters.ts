import { any, newer } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import {
  type BreakerDescriptor,
  type BreakerOutcome,
  breakerDomain,
  breakerEntries,
  breakerMetadata,
} from '../../model/breaker-descriptor.ts'
import { expression, generic } from '../descriptor-actions.ts'
import type { GatewayContext, HttpFilter } from '../policy-kind.ts'
import { serviceQuestion } from '../service-question.ts'

const filterPackage = 'envoy.extensions.filters.http.ratelimit.v3'
const luaPackage = 'envoy.extensions.filters.http.lua.v3'

export const breakerFilter = 'weir.breaker'
const fallbackFilter = 'weir.fallback'

/** None of the other instances has it, so that what routes say for limits is not read here. */
const stage = 2

/**
 * The filter that asks and reports, last before the router: what a later one answered would be taken for the upstream's.
 * And one that lets Envoy look for a route again. Both do nothing unless a route says so.
 */
export function filters({ spec }: GatewayContext): HttpFilter[] {
  const { namespace } = breakerMetadata
  const breaker = any(`${filterPackage}.RateLimit`, {
    ...{ domain: breakerDomain, stage, ...serviceQuestion(spec) },
    // A breaker is there for what is behind it, which works as a rule; the limits' `onUnavailable` does not count.
    failure_mode_deny: false,
    rate_limited_status: { code: 'ServiceUnavailable' },
    disable_x_envoy_ratelimited_header: true,
    ...newer(filterPackage, { metadata_namespace: namespace }),
  })
  const again = any(`${luaPackage}.Lua`, { default_source_code: { inline_string: routeAgain } })
  return [
    { phase: 'breaker', name: breakerFilter, config: breaker },
    { phase: 'breaker', name: fallbackFilter, config: again, disabled: true },
  ]
}

const routeAgain = `function envoy_on_request(request)
  local said = request:streamInfo():dynamicMetadata():get("${breakerMetadata.namespace}")
  if said ~= nil and said["${breakerMetadata.fallback}"] ~= nil then request:clearRouteCache() end
end
`

/**
 * Asks for each request of a route, or of a part of a split, and reports; `timed` says that time matters, too, `elsewhere`
 * that what is refused has another way to go.
 */
export function asks(options: {
  timeoutMs: number
  timed: boolean
  elsewhere: boolean
}): Record<string, Message> {
  const rate_limits = [ask(options), report(), ...(options.timed ? [howLong()] : [])]
  return { [breakerFilter]: any(`${filterPackage}.RateLimitPerRoute`, { rate_limits }) }
}

/** Has the route looked for again where the service says that the breaker is open. */
export function mayGoElsewhere(): Record<string, Message> {
  const config = any(`${luaPackage}.LuaPerRoute`, {})
  return { [fallbackFilter]: any('envoy.config.route.v3.FilterConfig', { config }) }
}

/** What a route looks like to which such a request of a cluster goes: a `RouteMatch.dynamic_metadata`. */
export function isRefusedFor(cluster: string): Message {
  const { namespace, fallback } = breakerMetadata
  return { filter: namespace, path: [{ key: fallback }], value: { string_match: { exact: cluster } } }
}

function ask({ timeoutMs, elsewhere }: { timeoutMs: number; elsewhere: boolean }): Message {
  const timeout = generic(breakerEntries.timeout, String(timeoutMs))
  const fallback = elsewhere ? [generic(breakerEntries.fallback, 'yes')] : []
  return { actions: [...start('ask'), timeout, ...fallback] }
}

/**
 * `response.code_details` tells what ended the exchange (Envoy docs: config/http/http_conn_man/response_code_details).
 * `downstream...` is a client that left; of an answer that was cut off the status may be any. Envoy's own answers below
 * 500, and those that a client's slowness brings about, say nothing of the upstream.
 */
const outcome = cases(
  ['!has(response.code)', 'abort'],
  ["response.code_details.startsWith('upstream_reset')", 'fail'],
  // An upgraded connection ends when one of both leaves.
  ["response.code_details.startsWith('downstream') && response.code != 101", 'abort'],
  ['response.code >= 500', 'fail'],
  ["response.code_details == 'via_upstream' || response.code == 101", 'ok'],
)

function cases(...each: [condition: string, outcome: BreakerOutcome][]): string {
  return each.reduceRight(
    (otherwise, [condition, what]) => `${condition} ? '${what}' : ${otherwise}`,
    "'abort'",
  )
}

function report(): Message {
  return {
    actions: [...start('report'), generation(), expression(breakerEntries.outcome, outcome, false)],
    ...newer(filterPackage, { apply_on_stream_done: true }),
  }
}

/**
 * Of successes alone, the others fail anyway: looking up what is not there is an error, and leaves the descriptor out.
 * Apart from the report, since Envoy drops a descriptor whose `hits_addend` is no number, with a warning.
 */
const success = `(${outcome}) == 'ok' && response.code != 101 ? 'ok' : metadata.filter_metadata['none']['none']`

function howLong(): Message {
  return {
    actions: [...start('duration'), generation(), expression(breakerEntries.outcome, success, false)],
    ...newer(filterPackage, {
      apply_on_stream_done: true,
      hits_addend: { format: '%COMMON_DURATION(US_TX_END:US_RX_BEG:ms)%' },
    }),
  }
}

function start(kind: BreakerDescriptor): Message[] {
  return [generic(breakerEntries.kind, kind), { destination_cluster: {} }]
}

/** Without a default: a request that the service did not let through is not reported. */
function generation(): Message {
  const { namespace, generation: key } = breakerMetadata
  const metadata_key = { key: namespace, path: [{ key }] }
  return { metadata: { descriptor_key: breakerEntries.generation, metadata_key, source: 'DYNAMIC' } }
}
