import { type Static, Type } from 'typebox'
import { Duration } from '../../model/duration.ts'

const percent = (description: string, example: number, more: { default?: number } = {}) =>
  Type.Optional(Type.Integer({ description, minimum: 0, maximum: 100, examples: [example], ...more }))

const Breaker = Type.Object(
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
  },
)

/** Native fields have Envoy's meaning (Envoy docs: intro/arch_overview/upstream/outlier). */
export const OutlierDetectionSpec = Type.Object(
  {
    consecutive5xx: Type.Optional(
      Type.Integer({
        description: 'Failures in a row after which an endpoint is ejected. Without it they are not counted.',
        minimum: 1,
        maximum: 10_000,
        examples: [5],
      }),
    ),
    failurePercentage: percent(
      'An endpoint is ejected when at least this share of its requests failed, in percent. Without it shares are not counted.',
      51,
    ),
    requestVolume: Type.Optional(
      Type.Integer({
        description: 'Requests in an interval below which an endpoint is not judged.',
        minimum: 1,
        maximum: 1_000_000,
        default: 10,
        examples: [10],
      }),
    ),
    interval: Type.Optional(
      Duration({
        description: 'Time between two looks at the endpoints.',
        default: '10s',
        atLeast: '10ms',
        atMost: '1h',
        examples: ['5s'],
      }),
    ),
    ejectionTime: Type.Optional(
      Duration({
        description: 'How long an endpoint is left alone.',
        default: '30s',
        atLeast: '10ms',
        atMost: '24h',
        examples: ['30s'],
      }),
    ),
    maxEjectionPercent: percent('Largest share of a cluster’s endpoints that may be ejected at once.', 100, {
      default: 10,
    }),
    breaker: Type.Optional(Breaker),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description: 'When failing endpoints, or a failing cluster, are left alone.',
    remedy: 'write at least one rule, for example consecutive5xx or breaker',
    pending: 'no endpoint is ejected and no breaker opens',
  },
)

export type OutlierDetectionSpec = Static<typeof OutlierDetectionSpec>
