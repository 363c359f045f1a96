import { any, newer, wrap } from '../../../envoy-api/build.ts'
import type { Message } from '../../../envoy-api/types.ts'
import type { ExtensionContext, HttpFilter, RouteContext, RouteContribution } from '../../policy-kind.ts'
import type { EffectiveRateLimit } from '../schema.ts'
import { tokenBucket, unlimited } from './bucket.ts'
import { descriptors, namespace, rateLimit, routeNamespace } from './key.ts'
import { type LocalLimit, localLimit } from './limit.ts'

const filterPackage = 'envoy.extensions.filters.http.local_ratelimit.v3'

/** What Envoy writes into `response.code_details` of what these filters refuse. */
export const refusalDetails = 'local_rate_limited'

const names = {
  before_auth: 'weir.local_limits_before_auth',
  after_auth: 'envoy.filters.http.local_ratelimit',
}

/**
 * Keys that an Envoy has buckets for, of each policy and each combination of optional parts; some 400 bytes each. Of
 * more, those that were not asked for the longest go, and come back with a full bucket.
 */
export const mostKeys = 10_000

/**
 * What each Envoy counts by itself, before it asks anybody: Envoy's local rate limits, one instance a stage. Their limits
 * come by ECDS, so that an edit of routes leaves all buckets as they are, and a policy has one bucket a key on all routes.
 * Until they come nothing is limited. Envoy docs: configuration/http/http_filters/local_rate_limit_filter.
 */
export function localFilters(): HttpFilter[] {
  return [
    {
      phase: 'local_limits_before_auth',
      name: names.before_auth,
      config: filter('before_auth', []),
      discovered: true,
    },
    { phase: 'local_limits', name: names.after_auth, config: filter('after_auth', []), discovered: true },
  ]
}

/** The limits of all routes of a gateway, by the name of the filter. */
export function localExtensions({ routes }: ExtensionContext): Record<string, Message> {
  const policies = new Map(routes.flatMap((route) => route.policies).map(({ name, spec }) => [name, spec]))
  const limits = [...policies]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, spec]) => localLimit(name, spec as EffectiveRateLimit) ?? [])
  return Object.fromEntries(
    (['before_auth', 'after_auth'] as const).map((stage) => [
      names[stage],
      filter(
        stage,
        limits.filter((limit) => limit.stage === stage),
      ),
    ]),
  )
}

function filter(stage: keyof typeof names, limits: readonly LocalLimit[]): Message {
  const stat_prefix = `weir_local_limits_${stage}`
  if (limits.length === 0) return any(`${filterPackage}.LocalRateLimit`, { stat_prefix })
  return any(`${filterPackage}.LocalRateLimit`, {
    stat_prefix,
    filter_enabled: always,
    filter_enforced: always,
    // A request that no limit is for takes of this one; Envoy does nothing without it.
    token_bucket: tokenBucket(unlimited),
    always_consume_default_token_bucket: wrap(false),
    descriptors: limits.flatMap(({ rule, bucket, shadow }) =>
      descriptors(rule).map((entries) => ({
        entries,
        token_bucket: tokenBucket(bucket),
        ...(shadow && newer(descriptorPackage, { shadow_mode: true })),
      })),
    ),
    rate_limited_as_resource_exhausted: true,
    ...newer(filterPackage, {
      rate_limits: limits.map(({ rule, cost }) => rateLimit(rule, cost)),
      max_dynamic_descriptors: wrap(mostKeys),
      enable_retry_after_header: true,
    }),
  })
}

const descriptorPackage = 'envoy.extensions.common.ratelimit.v3'

const always = { default_value: { numerator: 100 }, runtime_key: 'weir' }

/** A route says which of the limits are for its requests, and the log whose refusals they can only be. */
export function localRoute({ route, policies }: RouteContext): RouteContribution {
  const limits = policies.flatMap(({ name, spec }) => localLimit(name, spec as EffectiveRateLimit) ?? [])
  if (limits.length === 0) return {}
  const own = limits.map(({ rule: { policy } }) => [policy, policy])
  const byRoute = limits.some(({ rule }) => rule.key.some(({ kind }) => kind === 'route'))
  const refusing = limits.filter(({ shadow }) => !shadow)
  return {
    metadata: {
      [namespace]: Object.fromEntries(own),
      ...(byRoute && { [routeNamespace]: { name: route.name } }),
    },
    ...(refusing.length > 0 && { refusers: { [refusalDetails]: refusing.map(shown).join(', ') } }),
  }
}

function shown({ rule: { policy }, role }: LocalLimit): string {
  return role === 'shield' ? `${policy} (shield)` : policy
}
