import type { EffectiveRoute } from '../../model/route-spec.ts'
import type { GatewayContext, PolicyKind, RouteContext, RouteLimit } from '../policy-kind.ts'
import { actionsOf } from './actions.ts'
import { check } from './check.ts'
import { delayHeaders, faultHeaders, filters, stages } from './filters.ts'
import { checkWrite } from './leaky-rules.ts'
import { localExtensions, localFilters, localRoute } from './local/filters.ts'
import { localReplies } from './local-replies.ts'
import { limitRule, ruleOf } from './rule.ts'
import { type EffectiveRateLimit, RateLimitSpec } from './schema.ts'
import { warnings } from './warnings.ts'

/**
 * Limits by Envoy's global rate-limit filter and weir's own service, which counts; before it, and for limits of each Envoy
 * by itself, Envoy's local one.
 */
export const rateLimit: PolicyKind = {
  kind: 'RateLimitPolicy',
  plural: 'rate-limit-policies',
  description:
    'How many requests of one key may pass, counted exactly for the whole fleet, or by each Envoy for itself.',
  spec: RateLimitSpec,
  example: {
    name: 'per-key',
    spec: { algorithm: 'fixed_window', limit: 100, window: '1m', key: [{ header: 'x-api-key' }] },
  },
  references: () => [],
  check,
  checkWrite,
  warnings,
  filters: (gateway) => [...localFilters(), ...filters(gateway)],
  extensions: localExtensions,
  localReplies,
  reservedHeaders: faultHeaders,
  usedHeaders: delayHeaders,
  namedBy,
  route: localRoute,
  rateLimits,
  limitRule: (document) => (isCounted(document.spec as RateLimitSpec) ? limitRule(document) : undefined),
}

/** Envoy asks nothing about requests that it answers itself. */
function namedBy({ forward, rateLimits }: EffectiveRoute, gateway: GatewayContext): string[] {
  return forward === undefined ? [] : [...new Set([...gateway.spec.rateLimits, ...rateLimits])]
}

/** By the rate-limit service. */
function isCounted({ scope }: RateLimitSpec): boolean {
  return scope !== 'envoy'
}

function rateLimits({ route, policies }: RouteContext): RouteLimit[] {
  return policies.flatMap(({ name, spec }) => {
    const effective = spec as EffectiveRateLimit
    if (!isCounted(effective)) return []
    const actions = actionsOf(ruleOf(name, effective), route.name)
    return actions === null ? [] : [{ policy: name, stage: stages[effective.stage], actions }]
  })
}
