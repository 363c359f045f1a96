import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import type { Document } from './document.ts'
import { Duration } from './duration.ts'
import type { Kind, Reference } from './kind.ts'
import { Name } from './name.ts'
import { oneOf } from './one-of.ts'
import { Forward, Mirror, Redirect, Respond, Rewrite, rewriteProblems } from './route-action.ts'
import { RouteMatch, routeMatchProblems } from './route-match.ts'
import { Cors, HeaderOperations, Retry } from './route-policies.ts'

const GatewayReference = Type.String({
  description: 'A gateway (every listener of it), or one listener as gateway/listener.',
  pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(/[a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$',
  maxLength: 507,
  remedy: 'write the name of a gateway, or gateway/listener',
  examples: ['edge'],
})

const Host = Type.String({
  description: 'A host name, "*.example.com" for every name below, or "*" for all. Ports are ignored.',
  pattern:
    '^(\\*|(\\*\\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|\\[[0-9a-f:.]+\\])$',
  maxLength: 253,
  remedy: 'write a lower-case host name without a port, "*.example.com", or "*"',
  examples: ['shop.example'],
})

const unserved = 'the route answers 503 to every request'

export const RouteSpec = Type.Object(
  {
    gateways: Type.Array(GatewayReference, {
      description: 'Where the route is in force.',
      minItems: 1,
      maxItems: 64,
    }),
    hosts: Type.Optional(
      Type.Array(Host, {
        description: 'Hosts that the route is for; the most specific host of a request wins.',
        minItems: 1,
        maxItems: 64,
        default: ['*'],
      }),
    ),
    priority: Type.Optional(
      Type.Integer({
        description:
          'Among the routes of a host those of higher priority are tried first, before all other rules.',
        minimum: -1000,
        maximum: 1000,
        default: 0,
        examples: [10],
      }),
    ),
    match: RouteMatch,
    forward: Type.Optional(
      Type.Array(Forward, {
        description: 'The cluster that gets the request, or several to split the requests by weight.',
        minItems: 1,
        maxItems: 64,
      }),
    ),
    redirect: Type.Optional(Redirect),
    respond: Type.Optional(Respond),
    mirror: Type.Optional(Mirror),
    rewrite: Type.Optional(Rewrite),
    timeout: Type.Optional(
      Duration({
        description: 'How long the whole request may take, retries included.',
        default: '15s',
        atLeast: '0s',
        atMost: '24h',
        examples: ['5s'],
        pending: 'Envoy’s own 15 s are in force',
      }),
    ),
    retry: Type.Optional(Retry),
    headers: Type.Optional(HeaderOperations),
    cors: Type.Optional(Cors),
    auth: Type.Optional(
      Type.Array(Name({ description: 'Name of an AuthPolicy.', examples: ['api-keys'] }), {
        description: 'Who may call: all of these policies must hold. Without it everybody may.',
        minItems: 1,
        maxItems: 8,
        uniqueItems: true,
        pending: unserved,
        failsClosed: true,
      }),
    ),
    request: Type.Optional(
      Name({
        description: 'RequestPolicy: what a request may be. Without it all may pass.',
        examples: ['orders-requests'],
        pending: unserved,
        failsClosed: true,
      }),
    ),
    rateLimits: Type.Optional(
      Type.Array(Name({ description: 'Name of a RateLimitPolicy.', examples: ['per-key'] }), {
        description: 'Rate-limit policies that every request of the route must pass, all or nothing.',
        maxItems: 16,
        uniqueItems: true,
        default: [],
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Which requests go where, and by which policies. It has exactly one of forward, redirect, respond.',
  },
)

export type RouteSpec = Static<typeof RouteSpec>

/** A route as it is in force: what has a default is there. */
export type EffectiveRoute = RouteSpec & Required<Pick<RouteSpec, 'hosts' | 'priority' | 'rateLimits'>>

/** `edge/partners` as its parts; without a listener every listener of the gateway is meant. */
export function parseGatewayReference(text: string): { gateway: string; listener?: string } {
  const [gateway, listener] = text.split('/') as [string, string?]
  return listener === undefined ? { gateway } : { gateway, listener }
}

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
}

function check(document: Document): Problem[] {
  const spec = document.spec as RouteSpec
  return [
    ...oneOf(spec, '/spec', ['forward', 'redirect', 'respond']),
    ...routeMatchProblems(spec.match, '/spec/match'),
    ...rewriteProblems(spec.rewrite, '/spec/rewrite'),
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

/** Envoy's limits, mirrors, rewrites and retries act on forwarded requests only, and say nothing elsewhere. */
function onlyWhereForwarded(spec: RouteSpec): Problem[] {
  const action = spec.redirect !== undefined ? 'redirect' : spec.respond !== undefined ? 'respond' : undefined
  if (action === undefined) return []
  const fields = ['rateLimits', 'mirror', 'rewrite', 'retry', 'timeout'] as const
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
