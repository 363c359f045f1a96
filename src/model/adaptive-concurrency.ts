import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import type { Document } from './document.ts'
import { Duration } from './duration.ts'
import { effective } from './effective.ts'
import type { GatewaySpec } from './gateway.ts'
import { parseGatewayReference } from './gateway-reference.ts'
import type { Warning } from './pending.ts'
import type { RouteSpec } from './route-spec.ts'
import { find, type State } from './state.ts'

const count = (description: string, value: number) =>
  Type.Optional(
    Type.Integer({ description, minimum: 1, maximum: 1_000_000, default: value, examples: [value] }),
  )

const percent = (description: string, value: number) =>
  Type.Optional(Type.Integer({ description, minimum: 0, maximum: 100, default: value, examples: [value] }))

const time = (description: string, value: string) =>
  Type.Optional(Duration({ description, default: value, atLeast: '10ms', atMost: '24h', examples: [value] }))

/** Envoy's gradient controller (Envoy docs: configuration/http/http_filters/adaptive_concurrency_filter). */
export const AdaptiveConcurrency = Type.Object(
  {
    maxConcurrency: count('Requests under way beyond which the bound never grows.', 1000),
    percentile: percent('Which latency of an interval is compared with that of an idle service.', 50),
    updateInterval: time('How often the bound is computed anew.', '100ms'),
    minRtt: Type.Optional(
      Duration({
        description:
          'What a request takes while the service is idle. Without it Envoy measures it, and lets minConcurrency requests at a time through meanwhile.',
        atLeast: '1ms',
        atMost: '10m',
        examples: ['20ms'],
      }),
    ),
    minRttInterval: time('Time from one measurement to the next, where minRtt is not written.', '60s'),
    minRttRequests: count('Requests of a measurement.', 50),
    minConcurrency: count('Requests under way below which the bound never falls.', 3),
    jitter: percent(
      'Up to this share of the interval is added at random, so that Envoys do not measure at once.',
      15,
    ),
    buffer: percent('By how much latency may vary before the bound falls, in percent of the idle one.', 25),
  },
  {
    additionalProperties: false,
    description:
      'How many requests each Envoy has under way, for the routes with adaptiveConcurrency together: as many as keep their latency near that of an idle service. What is beyond gets a 503. Without it nothing is bounded by latency.',
  },
)

export type AdaptiveConcurrency = Static<typeof AdaptiveConcurrency>

/** It with its defaults. */
export type EffectiveAdaptiveConcurrency = Required<Omit<AdaptiveConcurrency, 'minRtt'>> &
  Pick<AdaptiveConcurrency, 'minRtt'>

/** Envoy keeps to the lower bound, whatever the upper one says. */
export function concurrencyProblems({ adaptiveConcurrency: written }: GatewaySpec): Problem[] {
  if (written === undefined) return []
  const { minConcurrency, maxConcurrency } = effective<EffectiveAdaptiveConcurrency>(
    AdaptiveConcurrency,
    written,
  )
  if (minConcurrency <= maxConcurrency) return []
  const message = `the bound never falls below minConcurrency ${minConcurrency}, so that maxConcurrency ${maxConcurrency} does nothing`
  const remedy = `write a minConcurrency of at most ${maxConcurrency}, or a larger maxConcurrency`
  return [{ pointer: '/spec/adaptiveConcurrency/maxConcurrency', message, remedy }]
}

/** A route asks for what its gateway does not have. */
export function concurrencyWarnings({ kind, name, spec }: Document, state: State): Warning[] {
  const { adaptiveConcurrency, gateways } = spec as RouteSpec
  if (adaptiveConcurrency !== true) return []
  const names = [...new Set(gateways.map((reference) => parseGatewayReference(reference).gateway))]
  return names.flatMap((gateway) => {
    const own = find(state, 'Gateway', gateway)?.document.spec as GatewaySpec | undefined
    if (own === undefined || own.adaptiveConcurrency !== undefined) return []
    const message = `the gateway ${gateway} has no adaptiveConcurrency`
    const effect = 'requests of the route are not bounded there'
    return [{ kind, name, pointer: '/spec/adaptiveConcurrency', message, effect }]
  })
}
