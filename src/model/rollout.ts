import { type Static, Type } from 'typebox'
import { LabelKey } from './document.ts'
import { Duration } from './duration.ts'

/** Envoys that a `count` may name: what a replica says of its Envoys has a bound. */
export const maxCount = 1_000

const Wave = Type.Object(
  {
    nodes: Type.Optional(
      Type.Record(LabelKey, Type.String({ description: 'Value of the label.', maxLength: 256 }), {
        description: 'Labels of the Envoys of this wave.',
        additionalProperties: false,
        remedy: 'write 1 to 16 labels, for example { track: canary }',
        minProperties: 1,
        maxProperties: 16,
        examples: [{ track: 'canary' }],
      }),
    ),
    percent: Type.Optional(
      Type.Number({
        description: 'Share of all Envoys that have the revision after this wave, beside those of labels.',
        minimum: 0,
        maximum: 100,
        examples: [25],
      }),
    ),
    count: Type.Optional(
      Type.Integer({
        description: 'Number of Envoys that have the revision after this wave, beside those of labels.',
        minimum: 1,
        maximum: maxCount,
        examples: [2],
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    description: 'One group: the Envoys with some labels, a share of all, or a number.',
    remedy: 'write exactly one of nodes, percent, count',
  },
)

const Gate = Type.Object(
  {
    settle: Type.Optional(
      Duration({
        description: 'How long a wave is watched once its Envoys have acknowledged the revision.',
        default: '30s',
        atLeast: '0s',
        atMost: '24h',
        examples: ['30s'],
      }),
    ),
    maxErrorRateIncrease: Type.Optional(
      Type.Number({
        description:
          'Largest rise of the share of requests answered by 5xx that lets the next wave go, in percentage points.',
        default: 1,
        minimum: 0,
        maximum: 100,
        examples: [1],
      }),
    ),
    maxP99Increase: Type.Optional(
      Duration({
        description:
          'Largest rise of the time within which 99 of 100 requests are answered. Without it times are not judged.',
        atLeast: '0s',
        atMost: '1h',
        examples: ['100ms'],
      }),
    ),
    minRequests: Type.Optional(
      Type.Integer({
        description: 'Requests without which neither errors nor times of a wave are judged.',
        default: 10,
        minimum: 1,
        maximum: 1_000_000,
        examples: [10],
      }),
    ),
    deadline: Type.Optional(
      Duration({
        description:
          'How long the Envoys of a wave may take to acknowledge the revision before it is reverted.',
        default: '10m',
        atLeast: '1s',
        atMost: '24h',
        examples: ['10m'],
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'What must hold before the next wave goes. Without it the next goes as soon as one is acknowledged. That an Envoy refuses a part reverts the revision in any case.',
  },
)

export const Rollout = Type.Object(
  {
    waves: Type.Array(Wave, {
      description: 'Groups of Envoys that get a revision one after the other; after the last all have it.',
      minItems: 1,
      maxItems: 16,
    }),
    gate: Type.Optional(Gate),
  },
  {
    additionalProperties: false,
    description: 'How a revision moves through the fleet. Without it every Envoy gets it at once.',
    controlPlane: true,
  },
)

export type WaveSpec = Static<typeof Wave>
export type RolloutSpec = Static<typeof Rollout>
export type GateSpec = Static<typeof Gate>
