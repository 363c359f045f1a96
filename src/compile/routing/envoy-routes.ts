import { newer, wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { EffectiveRoute } from '../../model/route-spec.ts'
import type { ApartRequests, GatewayContext, RouteContribution } from '../../policies/policy-kind.ts'
import { refused } from '../../policies/request/filters.ts'
import { concurrencyOf } from '../adaptive-concurrency.ts'
import { action, target } from './action.ts'
import { breakerRefusers, withBreakers } from './breakers.ts'
import { corsFilter, corsPolicy, missesPreflights, preflightMatch } from './cors.ts'
import { headerOperations } from './header-operations.ts'
import { routeMatch } from './match.ts'
import { rateLimitsOf } from './rate-limits.ts'
import { routeMetadata } from './refusers.ts'
import type { GatewayRoute } from './routes-of.ts'
import { partOf, stickyCookie } from './sticky.ts'

/**
 * The Envoy routes of one of ours, in the order in which they are tried: the one that takes its preflights, if it needs
 * one, those of requests that its policies set apart, those for clients that are on a part of its split already, and
 * itself.
 */
export function envoyRoutes(gateway: GatewayContext, route: GatewayRoute): Message[] {
  const { name, spec } = route
  const match = routeMatch(spec.match)
  if (route.closed) {
    return [{ name, match, direct_response: { status: 503 }, typed_per_filter_config: refused('closed') }]
  }
  const contributions = [
    ...policyContributions(gateway, route),
    corsContribution(route),
    { perFilterConfig: concurrencyOf(spec, gateway.spec) },
  ]
  const rateLimits = rateLimitsOf(gateway, route).map(({ stage, actions }) => ({
    ...(stage > 0 && { stage: wrap(stage) }),
    actions,
  }))
  const removed = contributions.flatMap(({ removedHeaders = [] }) => removedHeaders)
  const refusers: Record<string, string> = Object.assign(
    breakerRefusers(route),
    ...contributions.map((contribution) => contribution.refusers ?? {}),
  )
  const metadata = Object.assign({}, ...contributions.map((contribution) => contribution.metadata ?? {}))
  const common = {
    ...headerOperations(spec, removed),
    ...perFilterConfig(contributions),
    ...routeMetadata(refusers, metadata),
  }
  const served = [
    ...placed(name, spec).map(({ spec, condition }) => ({
      name,
      match: { ...match, ...condition(match) },
      ...action(name, spec, rateLimits),
      ...common,
    })),
    { name, match, ...action(name, spec, rateLimits), ...common },
  ]
  const apart = contributions.flatMap((contribution) => contribution.apart ?? [])
  return withBreakers(route, [
    ...preflight(route, apart, contributions),
    ...apart.flatMap((requests) => routesApart(requests, { refusers, metadata }, served)),
    ...served,
  ])
}

/** One for each of the route's own, or one that answers. */
function routesApart(
  { headers, perFilterConfig, answer, ...more }: ApartRequests,
  common: { refusers: Record<string, string>; metadata: Record<string, object> },
  served: readonly Message[],
): Message[] {
  const own = answer === undefined ? served : served.slice(-1)
  return own.map(({ match, typed_per_filter_config, ...rest }) => {
    const known = match as Message
    const narrowed = {
      match: { ...known, headers: [...((known.headers as Message[] | undefined) ?? []), ...headers] },
      typed_per_filter_config: { ...(typed_per_filter_config as Message | undefined), ...perFilterConfig },
      ...routeMetadata({ ...common.refusers, ...more.refusers }, common.metadata),
    }
    if (answer === undefined) return { ...rest, ...narrowed }
    const added = Object.entries(answer.headers).map(([key, value]) => ({ header: { key, value } }))
    return {
      ...{ name: rest.name, ...narrowed },
      direct_response: { status: answer.status },
      response_headers_to_add: added,
    }
  })
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

/**
 * The policies of the route are asked here, too: a preflight is answered before them, but what only looks like one (an
 * empty Origin) would be forwarded.
 */
function preflight(
  route: GatewayRoute,
  apart: readonly ApartRequests[],
  contributions: readonly RouteContribution[],
): Message[] {
  const { name, spec } = route
  // Where Envoy answers by itself its CORS filter does nothing.
  const isAnswered = apart.some(({ answer }) => answer !== undefined)
  if (spec.cors === undefined || !(isAnswered || missesPreflights(spec.match))) return []
  const match = preflightMatch(spec.match)
  return [{ name, match, route: target(name, spec), ...perFilterConfig(contributions) }]
}

function perFilterConfig(contributions: readonly RouteContribution[]): Message {
  const merged = Object.assign({}, ...contributions.map((contribution) => contribution.perFilterConfig ?? {}))
  return Object.keys(merged).length > 0 ? { typed_per_filter_config: merged } : {}
}
