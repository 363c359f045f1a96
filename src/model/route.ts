import type { Problem } from '../errors.ts'
import { concurrencyWarnings } from './adaptive-concurrency.ts'
import { uncoveredHosts } from './certificate-names.ts'
import type { Document } from './document.ts'
import { parseGatewayReference } from './gateway-reference.ts'
import { hashProblems } from './hash.ts'
import type { Kind, Reference } from './kind.ts'
import { oneOf } from './one-of.ts'
import type { Warning } from './pending.ts'
import { retryProblems } from './retry.ts'
import { respondProblems, rewriteProblems } from './route-action.ts'
import { routeMatchProblems } from './route-match.ts'
import { corsProblems, headerProblems } from './route-policies.ts'
import { shadowWarnings } from './route-shadows.ts'
import { RouteSpec } from './route-spec.ts'
import { routeTimeProblems, routeTimeWarnings } from './route-times.ts'
import type { State } from './state.ts'
import { loopWarnings } from './tier-loops.ts'
import { retryTierWarnings } from './tier-retries.ts'

export const route: Kind = {
  kind: 'Route',
  plural: 'routes',
  description: 'Which requests go to which cluster, and the policies that they meet on their way.',
  spec: RouteSpec,
  example: {
    name: 'echo',
    spec: { gateways: ['edge'], match: { path: { prefix: '/' } }, forward: [{ cluster: 'echo' }] },
  },
  references,
  check,
  warnings,
}

function check(document: Document): Problem[] {
  const spec = document.spec as RouteSpec
  return [
    ...oneOf(spec, '/spec', ['forward', 'redirect', 'respond']),
    ...routeMatchProblems(spec.match, '/spec/match'),
    ...rewriteProblems(spec.rewrite, '/spec/rewrite'),
    ...respondProblems(spec.respond, '/spec/respond'),
    ...retryProblems(spec.retry, '/spec/retry'),
    ...routeTimeProblems(spec),
    ...headerProblems(spec.headers, '/spec/headers'),
    ...corsProblems(spec.cors, '/spec/cors'),
    ...hashProblems(spec.hash, '/spec/hash'),
    ...stickinessProblems(spec),
    ...totalWeight(spec),
    ...onlyWhereForwarded(spec),
  ]
}

/** Envoy refuses a split whose weights sum to 0. */
function totalWeight({ forward }: RouteSpec): Problem[] {
  const total = forward?.reduce((sum, { weight }) => sum + (weight ?? 1), 0)
  if (total !== 0) return []
  return [
    { pointer: '/spec/forward', message: 'all weights are 0', remedy: 'give one cluster a weight above 0' },
  ]
}

function stickinessProblems({ forward, hash }: RouteSpec): Problem[] {
  if (hash === undefined || forward === undefined) return []
  const given = hash.findIndex(({ ttl }) => ttl !== undefined)
  if (given >= 0 && hash.length > 1) {
    const message = 'a cookie that Envoy gives decides alone'
    const remedy = 'remove its ttl, or all other parts of the hash'
    return [{ pointer: `/spec/hash/${given}/ttl`, message, remedy }]
  }
  if (forward.length > 1) return []
  const message = 'one cluster is no split that a client could be kept on'
  const remedy = 'remove it; the cluster’s loadBalancing.hash keeps clients on an endpoint'
  return [{ pointer: '/spec/hash', message, remedy }]
}

/** These act on forwarded requests only in Envoy, and say nothing elsewhere. */
function onlyWhereForwarded(spec: RouteSpec): Problem[] {
  const action = spec.redirect !== undefined ? 'redirect' : spec.respond !== undefined ? 'respond' : undefined
  if (action === undefined) return []
  const fields = [
    ...(['rateLimits', 'mirror', 'rewrite', 'retry'] as const),
    ...(['timeout', 'idleTimeout', 'maxStreamDuration'] as const),
    ...(['hash', 'upgrades', 'cors'] as const),
  ]
  return fields
    .filter((field) => spec[field] !== undefined && !(Array.isArray(spec[field]) && spec[field].length === 0))
    .map((field) => ({
      pointer: `/spec/${field}`,
      message: `"${field}" does nothing on a route that answers by ${action}`,
      remedy: 'remove it, or forward the request',
    }))
}

function references(spec: RouteSpec): Reference[] {
  const listed = (field: 'auth' | 'rateLimits', kind: string) =>
    (spec[field] ?? []).map((name, index) => ({ pointer: `/spec/${field}/${index}`, kind, name }))
  return [
    ...spec.gateways.map((text, index) => {
      const { gateway, listener } = parseGatewayReference(text)
      const reference = { pointer: `/spec/gateways/${index}`, kind: 'Gateway', name: gateway }
      return listener === undefined ? reference : { ...reference, listener }
    }),
    ...(spec.forward ?? []).map(({ cluster }, index) => ({
      pointer: `/spec/forward/${index}/cluster`,
      kind: 'Cluster',
      name: cluster,
    })),
    ...(spec.mirror === undefined
      ? []
      : [{ pointer: '/spec/mirror/cluster', kind: 'Cluster', name: spec.mirror.cluster }]),
    ...(spec.request === undefined
      ? []
      : [{ pointer: '/spec/request', kind: 'RequestPolicy', name: spec.request }]),
    ...listed('auth', 'AuthPolicy'),
    ...listed('rateLimits', 'RateLimitPolicy'),
  ]
}

/** What a route leads to besides what it says: its requests coming back to it, other routes in the way. */
function warnings(document: Document, state: State): Warning[] {
  return [
    ...loopWarnings(document, state),
    ...retryTierWarnings(document, state),
    ...routeTimeWarnings(document),
    ...shadowWarnings(state, document.name),
    ...uncoveredHosts(document, state),
    ...concurrencyWarnings(document, state),
  ]
}
