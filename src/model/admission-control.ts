import { type Static, Type } from 'typebox'
import { Duration } from './duration.ts'

/** Envoy's client-side throttling (Envoy docs: configuration/http/http_filters/admission_control_filter). */
export const AdmissionControl = Type.Object(
  {
    successRate: Type.Optional(
      Type.Integer({
        description:
          'Share of successes below which requests begin to be refused, in percent: the fewer, the more likely. A 5xx is a failure, and the gRPC statuses that are the server’s fault.',
        minimum: 1,
        maximum: 100,
        default: 95,
        examples: [95],
      }),
    ),
    window: Type.Optional(
      Duration({
        description: 'Time over which successes are counted, to the second.',
        default: '30s',
        atLeast: '1s',
        atMost: '1h',
        examples: ['30s'],
      }),
    ),
    aggression: Type.Optional(
      Type.Number({
        description: 'How soon many are refused: at 1 in proportion to what is missing, above it sooner.',
        minimum: 1,
        maximum: 10,
        default: 1,
        examples: [1.5],
      }),
    ),
    minRequestsPerSecond: Type.Optional(
      Type.Integer({
        description: 'Requests a second, over the window, below which none is refused.',
        minimum: 0,
        maximum: 1_000_000,
        default: 5,
        examples: [5],
      }),
    ),
    maxRejection: Type.Optional(
      Type.Integer({
        description: 'Largest share that is refused, in percent: the rest finds out whether it is better.',
        minimum: 1,
        maximum: 100,
        default: 80,
        examples: [80],
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Each Envoy refuses a share of the cluster’s requests while many of them fail, so that a service in trouble gets fewer. Without it none is refused for that.',
  },
)

export type AdmissionControl = Static<typeof AdmissionControl>

/** It with its defaults. */
export type EffectiveAdmissionControl = Required<AdmissionControl>
