import { newer, wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { EffectiveRoute } from '../../model/route-spec.ts'
import type { GatewayContext, RouteContribution } from '../../policies/policy-kind.ts'
import { action, target } from './action.ts'
import { corsFilter, corsPolicy, preflightMatch } from './cors.ts'
import { headerOperations } from './header-operations.ts'
import { routeMatch } from './match.ts'
import { rateLimitsOf } from './rate-limits.ts'
import type { GatewayRoute } from './routes-of.ts'
import { partOf, stickyCookie } from './sticky.ts'

/**
 * The Envoy routes of one of ours, in the order in which they are tried: the one that takes its preflights, if it needs
 * one, those for clients that are on a part of its split already, and itself.
 */
export function envoyRoutes(gateway: GatewayContext, route: GatewayRoute): Message[] {
  const { name, spec } = route
  const match = routeMatch(spec.match)
  if (route.closed) return [{ name, match, direct_response: { status: 503 } }]
  const contributions = [...policyContributions(gateway, route), corsContribution(route)]
  const rateLimits = rateLimitsOf(gateway, route).map(({ stage, actions }) => ({
    ...(stage > 0 && { stage: wrap(stage) }),
    actions,
  }))
  const common = { ...headerOperations(spec), ...perFilterConfig(contributions) }
  return [
    ...preflight(route),
    ...placed(name, spec).map(({ spec, condition }) => ({
      name,
      match: { ...match, ...condition(match) },
      ...action(name, spec, rateLimits),
      ...common,
    })),
    { name, match, ...action(name, spec, rateLimits), ...common },
  ]
}

function policyContributions(gateway: GatewayContext, route: GatewayRoute): RouteContribution[] {
  return route.policies
    .filter(({ named }) => named.length > 0)
    .map(({ kind, named }) => kind.route?.({ gateway, route, policies: named }) ?? {})
}

const routePackage = 'envoy.config.route.v3'

/** For each part of a sticky split that still gets requests: what its clients bring, and where they go. */
function placed(name: string, spec: EffectiveRoute) {
  const cookie = stickyCookie(spec)
  if (cookie === undefined) return []
  const parts = spec.forward!.filter(({ weight }) => weight !== 0)
  return parts.map((part) => {
    const brought = { name: cookie.name, string_match: { exact: partOf(name, part.cluster) } }
    const known = (match: Message) => (match[`.${routePackage}.cookies`] as Message[] | undefined) ?? []
    return {
      spec: { ...spec, forward: [part] },
      condition: (match: Message) => newer(routePackage, { cookies: [...known(match), brought] }),
    }
  })
}

function corsContribution({ spec }: GatewayRoute): RouteContribution {
  return spec.cors === undefined ? {} : { perFilterConfig: { [corsFilter]: corsPolicy(spec.cors) } }
}

function preflight(route: GatewayRoute): Message[] {
  const { name, spec } = route
  const match = spec.cors === undefined ? undefined : preflightMatch(spec.match)
  if (match === undefined) return []
  return [{ name, match, route: target(name, spec), ...perFilterConfig([corsContribution(route)]) }]
}

function perFilterConfig(contributions: readonly RouteContribution[]): Message {
  const merged = Object.assign({}, ...contributions.map((contribution) => contribution.perFilterConfig ?? {}))
  return Object.keys(merged).length > 0 ? { typed_per_filter_config: merged } : {}
}
