import { Type } from 'typebox'
import { Duration } from '../../model/duration.ts'

/** The strict circuit breaker: for the whole cluster and the whole fleet, where Envoy's own looks at each host. */
export const Breaker = Type.Object(
  {
    errorRate: Type.Integer({
      description: 'The breaker opens when more than this share of the window’s requests failed, in percent.',
      minimum: 1,
      maximum: 99,
      examples: [50],
    }),
    window: Type.Integer({
      description: 'How many requests in a row are looked at.',
      minimum: 1,
      maximum: 10_000,
      examples: [10],
    }),
    open: Duration({
      description: 'How long every request is refused before probes go.',
      atLeast: '100ms',
      atMost: '24h',
      examples: ['30s'],
    }),
    probes: Type.Optional(
      Type.Integer({
        description:
          'Requests that are let through as probes at once; that many successes in a row close the breaker.',
        minimum: 1,
        maximum: 100,
        default: 1,
        examples: [1],
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'A strict circuit breaker for the whole cluster and the whole fleet. Without it there is none.',
    pending: 'no breaker opens',
  },
)
