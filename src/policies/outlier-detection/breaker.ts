import { type Static, Type } from 'typebox'
import { Duration } from '../../model/duration.ts'
import { Name } from '../../model/name.ts'
import { Respond } from '../../model/route-action.ts'

const Fallback = Type.Object(
  {
    cluster: Type.Optional(
      Name({
        description:
          'Cluster that gets the requests meanwhile. A breaker of its own is not asked for them. Left out with respond.',
        examples: ['echo-static'],
      }),
    ),
    respond: Type.Optional(Respond),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description:
      'What becomes of requests that the breaker refuses, by exactly one of cluster, respond. Without it they get a 503 with Retry-After.',
    remedy: 'write cluster or respond',
  },
)

/** The strict circuit breaker: for the whole cluster and the whole fleet, where Envoy's own looks at each host. */
export const Breaker = Type.Object(
  {
    errorRate: Type.Integer({
      description: 'The breaker opens when more than this share of the window’s requests failed, in percent.',
      minimum: 1,
      maximum: 99,
      examples: [50],
      controlPlane: true,
    }),
    window: Type.Integer({
      description: 'How many requests in a row are looked at.',
      minimum: 1,
      maximum: 10_000,
      examples: [10],
      controlPlane: true,
    }),
    open: Duration({
      description: 'How long every request is refused before probes go.',
      atLeast: '100ms',
      atMost: '24h',
      examples: ['30s'],
      controlPlane: true,
    }),
    probes: Type.Optional(
      Type.Integer({
        description:
          'Requests that are let through as probes at once; that many successes in a row close the breaker.',
        minimum: 1,
        maximum: 100,
        default: 1,
        examples: [1],
        controlPlane: true,
      }),
    ),
    slowerThan: Type.Optional(
      Duration({
        description:
          'A success that took longer than this until its answer began counts as a failure. Without it time does not matter.',
        atLeast: '1ms',
        atMost: '1h',
        examples: ['2s'],
      }),
    ),
    fallback: Type.Optional(Fallback),
  },
  {
    additionalProperties: false,
    description:
      'A strict circuit breaker for the whole cluster and the whole fleet. Without it there is none.',
  },
)

export type Breaker = Static<typeof Breaker>

/** A breaker as it is in force: what has a default is there. */
export type EffectiveBreaker = Breaker & { probes: number }
