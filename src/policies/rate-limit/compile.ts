import type { EffectiveRoute } from '../../model/route-spec.ts'
import type { GatewayContext, PolicyKind, RouteContext, RouteLimit } from '../policy-kind.ts'
import { actionsOf } from './actions.ts'
import { check } from './check.ts'
import { delayHeaders, faultHeaders, filters, stages } from './filters.ts'
import { checkWrite } from './leaky-rules.ts'
import { localReplies } from './local-replies.ts'
import { limitRule, ruleOf } from './rule.ts'
import { type EffectiveRateLimit, RateLimitSpec } from './schema.ts'
import { warnings } from './warnings.ts'

/** Limits by Envoy's global rate-limit filter and weir's own service, which counts. */
export const rateLimit: PolicyKind = {
  kind: 'RateLimitPolicy',
  plural: 'rate-limit-policies',
  description: 'How many requests of one key may pass, counted exactly for the whole fleet.',
  spec: RateLimitSpec,
  example: {
    name: 'per-key',
    spec: { algorithm: 'fixed_window', limit: 100, window: '1m', key: [{ header: 'x-api-key' }] },
  },
  references: () => [],
  check,
  checkWrite,
  warnings,
  filters,
  localReplies,
  reservedHeaders: faultHeaders,
  usedHeaders: delayHeaders,
  namedBy,
  rateLimits,
  limitRule,
}

/** Envoy asks nothing about requests that it answers itself. */
function namedBy({ forward, rateLimits }: EffectiveRoute, gateway: GatewayContext): string[] {
  return forward === undefined ? [] : [...new Set([...gateway.spec.rateLimits, ...rateLimits])]
}

function rateLimits({ route, policies }: RouteContext): RouteLimit[] {
  return policies.flatMap(({ name, spec }) => {
    const effective = spec as EffectiveRateLimit
    const actions = actionsOf(ruleOf(name, effective), route.name)
    return actions === null ? [] : [{ policy: name, stage: stages[effective.stage], actions }]
  })
}
