import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import type { Document } from './document.ts'
import type { Kind, Reference } from './kind.ts'
import { Name } from './name.ts'

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

const Prefix = Type.String({
  description: 'Path prefix, matched by whole segments: /fly matches /fly and /fly/x, not /flyer.',
  pattern: '^/[^?#\\s\\u0000-\\u001f\\u007f]*$',
  maxLength: 2048,
  remedy: 'write a path that starts with "/" and has no query, for example /api/v1',
  examples: ['/api/v1'],
})

const Forward = Type.Object(
  {
    cluster: Name({ description: 'The cluster that gets the request.', examples: ['echo'] }),
    weight: Type.Optional(
      Type.Integer({
        description: 'Share of the requests, relative to the other weights of the list.',
        minimum: 0,
        maximum: 1_000_000,
        default: 1,
      }),
    ),
  },
  { additionalProperties: false },
)

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
    match: Type.Object(
      {
        path: Type.Object(
          { prefix: Prefix },
          { additionalProperties: false, description: 'Which paths match.' },
        ),
      },
      { additionalProperties: false, description: 'Which requests the route takes.' },
    ),
    forward: Type.Array(Forward, {
      description: 'The cluster that gets the request, or several to split the requests by weight.',
      minItems: 1,
      maxItems: 64,
    }),
    rateLimits: Type.Optional(
      Type.Array(Name({ examples: ['per-key'] }), {
        description: 'Rate-limit policies that every request of the route must pass, all or nothing.',
        maxItems: 16,
        uniqueItems: true,
        default: [],
      }),
    ),
  },
  { additionalProperties: false, description: 'Which requests go where, and by which policies.' },
)

export type RouteSpec = Static<typeof RouteSpec>

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
  check: totalWeight,
}

function references(spec: RouteSpec): Reference[] {
  return [
    ...spec.gateways.map((text, index) => {
      const { gateway, listener } = parseGatewayReference(text)
      const reference = { pointer: `/spec/gateways/${index}`, kind: 'Gateway', name: gateway }
      return listener === undefined ? reference : { ...reference, listener }
    }),
    ...spec.forward.map(({ cluster }, index) => ({
      pointer: `/spec/forward/${index}/cluster`,
      kind: 'Cluster',
      name: cluster,
    })),
    ...(spec.rateLimits ?? []).map((name, index) => ({
      pointer: `/spec/rateLimits/${index}`,
      kind: 'RateLimitPolicy',
      name,
    })),
  ]
}

/** Envoy refuses a split whose weights sum to 0 or beyond 32 bits. */
function totalWeight(document: Document): Problem[] {
  const { forward } = document.spec as RouteSpec
  const total = forward.reduce((sum, { weight }) => sum + (weight ?? 1), 0)
  if (total > 0) return []
  return [
    { pointer: '/spec/forward', message: 'all weights are 0', remedy: 'give one cluster a weight above 0' },
  ]
}
