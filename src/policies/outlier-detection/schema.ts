import { type Static, Type } from 'typebox'
import { Duration } from '../../model/duration.ts'
import { PanicThreshold } from '../../model/panic-threshold.ts'
import { Breaker } from './breaker.ts'

const count = (description: string, maximum: number, example: number, more: { default?: number } = {}) =>
  Type.Optional(Type.Integer({ description, minimum: 1, maximum, examples: [example], ...more }))

const percent = (description: string, example: number, more: { default?: number } = {}) =>
  Type.Optional(Type.Integer({ description, minimum: 0, maximum: 100, examples: [example], ...more }))

const flag = (description: string) =>
  Type.Optional(Type.Boolean({ description, default: false, examples: [true] }))

const time = (description: string, example: string, more: { default?: string; atLeast?: string } = {}) =>
  Type.Optional(Duration({ description, atLeast: '10ms', atMost: '24h', examples: [example], ...more }))

/** When an endpoint is ejected; a rule that is not written ejects nobody. */
const rules = {
  consecutive5xx: count(
    'Failures in a row after which an endpoint is ejected. Without it they are not counted.',
    10_000,
    5,
  ),
  consecutiveGatewayFailure: count(
    'The same for 502, 503 and 504 alone, and for requests that got no answer. Without it they are not counted.',
    10_000,
    5,
  ),
  consecutiveLocalOriginFailure: count(
    'The same for requests that got no answer alone (refused, reset, timed out); needs splitExternalLocalOriginErrors. Without it they are not counted.',
    10_000,
    5,
  ),
  failurePercentage: percent(
    'An endpoint is ejected when at least this share of its requests of an interval failed, in percent: 51 is over half of up to 100 requests. Without it shares are not counted.',
    51,
  ),
  successRateStdevFactor: count(
    'An endpoint is ejected when its share of successes is this many thousandths of a standard deviation below the mean of all: 1900 is 1.9 deviations. Without it they are not compared.',
    100_000,
    1900,
  ),
  detectDegradedHosts: flag(
    'An endpoint that answers with x-envoy-degraded gets requests only while the others are too few.',
  ),
}

export const ruleNames = Object.keys(rules)

/** What the rules count, and when. */
const numbers = {
  requestVolume: count(
    'failurePercentage: requests in an interval below which an endpoint is not judged.',
    1_000_000,
    10,
    { default: 10 },
  ),
  failurePercentageMinimumHosts: count(
    'failurePercentage: endpoints with enough requests below which none is judged.',
    10_000,
    1,
    { default: 1 },
  ),
  successRateRequestVolume: count(
    'successRateStdevFactor: requests in an interval below which an endpoint is not compared.',
    1_000_000,
    100,
    { default: 100 },
  ),
  successRateMinimumHosts: count(
    'successRateStdevFactor: endpoints with enough requests below which none is compared.',
    10_000,
    5,
    { default: 5 },
  ),
  splitExternalLocalOriginErrors: flag(
    'Requests without an answer (refused, reset, timed out) are counted apart from answers that say failure.',
  ),
  interval: Type.Optional(
    Duration({
      description: 'Time between two looks at the endpoints; shares are counted afresh in each.',
      default: '10s',
      atLeast: '10ms',
      atMost: '1h',
      examples: ['5s'],
    }),
  ),
}

/** What an ejection is. */
const ejection = {
  ejectionTime: time('How long an endpoint is left alone.', '30s', { default: '30s' }),
  maxEjectionTime: time(
    'With it an endpoint that is ejected again and again is left alone longer each time (twice, three times ejectionTime ...), up to this. Without it always for ejectionTime.',
    '5m',
  ),
  maxEjectionTimeJitter: time(
    'Up to this much is added at random, so that endpoints do not come back together.',
    '1s',
    { default: '0s', atLeast: '0s' },
  ),
  maxEjectionPercent: percent(
    'Largest share of a cluster’s endpoints that may be ejected at once, in percent, rounded down: 10 of 2 endpoints is none.',
    100,
    { default: 10 },
  ),
  alwaysEjectOneHost: flag('One endpoint may be ejected whatever maxEjectionPercent says.'),
  successfulActiveHealthCheckUnejectHost: flag('A passed health check ends the ejection before its time.'),
  enforcing: percent(
    'How often what a rule finds is really ejected, in percent; 0 only counts, in Envoy’s statistics.',
    100,
    { default: 100 },
  ),
}

/** What a preset writes; fields that are written besides win. */
const presets = {
  hosts: {
    failurePercentage: 51,
    requestVolume: 10,
    interval: '5s',
    ejectionTime: '30s',
    maxEjectionPercent: 100,
  },
}

/** Native fields have Envoy's meaning (Envoy docs: intro/arch_overview/upstream/outlier). */
export const OutlierDetectionSpec = Type.Object(
  {
    preset: Type.Optional(
      Type.Enum(['hosts'], {
        description:
          'hosts is a breaker for each endpoint: open for 30s after more than half of at least 10 requests in 5s failed. Fields that are written win. Without it the defaults of the fields hold.',
        examples: ['hosts'],
      }),
    ),
    ...rules,
    ...numbers,
    ...ejection,
    panicThreshold: Type.Optional(PanicThreshold('A cluster’s own wins. Without either it is 0: never.')),
    breaker: Type.Optional(Breaker),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    presets: { field: 'preset', values: presets },
    description: 'When failing endpoints, or a failing cluster, are left alone.',
    remedy: 'write at least one rule, for example consecutive5xx or breaker',
  },
)

export type OutlierDetectionSpec = Static<typeof OutlierDetectionSpec>

type WithDefault =
  | keyof typeof numbers
  | 'ejectionTime'
  | 'maxEjectionTimeJitter'
  | 'maxEjectionPercent'
  | 'alwaysEjectOneHost'
  | 'successfulActiveHealthCheckUnejectHost'
  | 'enforcing'
  | 'detectDegradedHosts'

/** A policy as it is in force: its preset and its defaults filled in. */
export type EffectiveOutlierDetection = OutlierDetectionSpec &
  Required<Pick<OutlierDetectionSpec, WithDefault>>
