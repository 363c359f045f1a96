import { duration, newer, wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import { milliseconds } from '../../model/duration.ts'
import type { Mirror, Redirect } from '../../model/route-action.ts'
import type { EffectiveRoute } from '../../model/route-spec.ts'
import { hashPolicy } from '../hash-policy.ts'
import { retrying } from './retry.ts'
import { pathRewrite } from './rewrite.ts'
import { giveCookie, partOf, stickyCookie } from './sticky.ts'

/** What becomes of a request: the `route`, `redirect` or `direct_response` of an Envoy route. */
export function action(name: string, spec: EffectiveRoute, rateLimits: readonly Message[]): Message {
  if (spec.redirect !== undefined) return { redirect: redirect(spec.redirect) }
  if (spec.respond !== undefined) {
    const { status, body = '' } = spec.respond
    return { direct_response: { status, ...(body !== '' && { body: { inline_string: body } }) } }
  }
  return { route: { ...target(name, spec), ...forwarding(spec, rateLimits) } }
}

/** The cluster, or the split, that requests go to. */
export function target(route: string, spec: EffectiveRoute): Message {
  const { forward = [], hash = [] } = spec
  if (forward.length === 1) return { cluster: forward[0]!.cluster }
  const cookie = stickyCookie(spec)
  const clusters = forward.map(({ cluster, weight }) => ({
    name: cluster,
    weight: wrap(weight ?? 1),
    ...(cookie !== undefined && giveCookie(cookie, partOf(route, cluster))),
  }))
  if (hash.length === 0 || cookie !== undefined) return { weighted_clusters: { clusters } }
  const sticky = newer('envoy.config.route.v3', { use_hash_policy: wrap(true) })
  return { weighted_clusters: { clusters, ...sticky }, hash_policy: hash.map(hashPolicy) }
}

function forwarding(spec: EffectiveRoute, rateLimits: readonly Message[]): Message {
  const { match, rewrite, timeout, idleTimeout, maxStreamDuration, retry, mirror, upgrades } = spec
  return {
    ...pathRewrite(match.path, rewrite),
    ...(timeout !== undefined && { timeout: duration(milliseconds(timeout)) }),
    ...(idleTimeout !== undefined && { idle_timeout: duration(milliseconds(idleTimeout)) }),
    ...(maxStreamDuration !== undefined && {
      max_stream_duration: { max_stream_duration: duration(milliseconds(maxStreamDuration)) },
    }),
    ...(retry !== undefined && retrying(retry, timeout)),
    ...(mirror !== undefined && { request_mirror_policies: [mirrorPolicy(mirror)] }),
    ...upgradeConfigs(upgrades),
    ...(rateLimits.length > 0 && { rate_limits: rateLimits }),
  }
}

const redirectCodes: Record<number, string> = {
  301: 'MOVED_PERMANENTLY',
  302: 'FOUND',
  303: 'SEE_OTHER',
  307: 'TEMPORARY_REDIRECT',
  308: 'PERMANENT_REDIRECT',
}

function redirect({ scheme, host, port, path, status = 301 }: Redirect): Message {
  return {
    ...(scheme !== undefined && { scheme_redirect: scheme }),
    ...(host !== undefined && { host_redirect: host }),
    ...(port !== undefined && { port_redirect: port }),
    ...(path !== undefined && { path_redirect: path }),
    response_code: redirectCodes[status],
  }
}

function mirrorPolicy({ cluster, percent = 100 }: Mirror): Message {
  // The least that Envoy can copy is one of a million, which is more than none.
  const numerator = percent > 0 ? Math.max(1, Math.round(percent * 10_000)) : 0
  return { cluster, runtime_fraction: { default_value: { numerator, denominator: 'MILLION' } } }
}

/** The listener upgrades to WebSocket; a route says what differs. */
function upgradeConfigs(upgrades: readonly string[] = ['websocket']): Message {
  const configs = [
    ...(upgrades.includes('websocket') ? [] : [{ upgrade_type: 'websocket', enabled: wrap(false) }]),
    ...upgrades.filter((name) => name !== 'websocket').map((name) => ({ upgrade_type: name })),
  ]
  return configs.length > 0 ? { upgrade_configs: configs } : {}
}
