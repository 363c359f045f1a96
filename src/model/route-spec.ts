import { type Static, Type } from 'typebox'
import { Duration } from './duration.ts'
import { Hash } from './hash.ts'
import { Name } from './name.ts'
import { type EffectiveRetry, Retry } from './retry.ts'
import { Forward, Mirror, Redirect, Respond, Rewrite } from './route-action.ts'
import { RouteMatch } from './route-match.ts'
import { Cors, HeaderOperations } from './route-policies.ts'

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
    adaptiveConcurrency: Type.Optional(
      Type.Boolean({
        description:
          'Whether its requests are among those that the adaptiveConcurrency of its gateway bounds by their latency, and counts.',
        default: false,
        examples: [true],
      }),
    ),
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
        description:
          'How long the whole request may take from when it has come to when its answer has, retries included; 0s means for ever.',
        default: '15s',
        defaultWith: { field: 'forward' },
        atLeast: '0s',
        atMost: '24h',
        examples: ['5s'],
      }),
    ),
    idleTimeout: Type.Optional(
      Duration({
        description:
          'How long nothing may move on a request or a connection that it was upgraded to; 0s means for ever. Without it the listener’s idleTimeout holds.',
        atLeast: '0s',
        atMost: '24h',
        examples: ['1h'],
      }),
    ),
    maxStreamDuration: Type.Optional(
      Duration({
        description:
          'How long a request, or a connection that it was upgraded to, may last, however much moves on it; 0s means for ever. Without it the listener’s maxStreamDuration holds.',
        atLeast: '0s',
        atMost: '24h',
        examples: ['1h'],
      }),
    ),
    hash: Type.Optional(
      Type.Array(Hash, {
        description:
          'What keeps a client on its part of a split over several clusters. Without it each request is drawn anew.',
        minItems: 1,
        maxItems: 8,
      }),
    ),
    upgrades: Type.Optional(
      Type.Array(
        Type.String({
          description: 'A protocol of the Upgrade header (RFC 9110, section 7.8).',
          pattern: '^[a-z0-9!#$%&*+.^_`|~-]{1,64}$',
          maxLength: 64,
          remedy: 'write a protocol in lower case, for example websocket',
          examples: ['websocket'],
        }),
        {
          description: 'Protocols that a request may be upgraded to; [] for none.',
          maxItems: 8,
          uniqueItems: true,
          default: ['websocket'],
          defaultWith: { field: 'forward' },
        },
      ),
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
      }),
    ),
    request: Type.Optional(
      Name({
        description: 'RequestPolicy: what a request may be. Without it all may pass.',
        examples: ['orders-requests'],
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
export type EffectiveRoute = Omit<RouteSpec, 'retry'> &
  Required<Pick<RouteSpec, 'hosts' | 'priority' | 'rateLimits'>> & { retry?: EffectiveRetry }
