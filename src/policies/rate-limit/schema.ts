import { type Static, Type } from 'typebox'
import { placeholders } from '../../model/denied-response.ts'
import { HeaderMap, HeaderName } from '../../model/header.ts'
import type { DeniedResponse } from '../../model/limit-rule.ts'
import { Name } from '../../model/name.ts'
import { KeyPart } from './key-part.ts'
import { shieldPattern } from './local/shield.ts'
import { numbers } from './numbers.ts'
import { Override } from './override.ts'

const Cost = Type.Unsafe<number | { header: string }>({
  description:
    'What a request counts: a number, or {header}, which holds a decimal number up to 2147483648. Without a number in it a request counts 1, and at least 1, since every client may write it.',
  default: 1,
  examples: [1],
  remedy: 'write a whole number from 0 to 2147483647, or {header: name}',
  anyOf: [
    { type: 'integer', minimum: 0, maximum: 2_147_483_647 },
    {
      type: 'object',
      properties: { header: HeaderName({ description: 'The header that carries the number.' }) },
      required: ['header'],
      additionalProperties: false,
    },
  ],
})

const placeholdersText = `{${Object.keys(placeholders).join('}, {')}} are filled in.`

const Response = Type.Object(
  {
    status: Type.Optional(
      Type.Integer({
        description: 'Status of a refused request. A gRPC client gets RESOURCE_EXHAUSTED whatever it is.',
        minimum: 400,
        maximum: 599,
        default: 429,
        examples: [503],
      }),
    ),
    headers: Type.Optional(
      HeaderMap({
        description: `Headers of a refused request’s answer. ${placeholdersText}`,
        default: {},
        examples: [{ 'content-type': 'application/json' }],
      }),
    ),
    body: Type.Optional(
      Type.String({
        description: `Body of a refused request’s answer, text/plain unless its headers say otherwise. ${placeholdersText}`,
        maxLength: 4096,
        default: '',
        examples: ['slow down'],
      }),
    ),
  },
  {
    additionalProperties: false,
    default: {},
    defaultWith: { field: 'scope', is: 'fleet' },
    description: 'What a refused client gets. Without it a 429 with a problem document.',
  },
)

const PlanNumbers = Type.Object(numbers, {
  additionalProperties: false,
  minProperties: 1,
  description: 'The numbers of a plan; those left out are the policy’s own.',
  remedy: 'write at least one number',
})

export const RateLimitSpec = Type.Object(
  {
    algorithm: Type.Enum(['fixed_window', 'sliding_window', 'token_bucket', 'leaky_bucket'], {
      description:
        'How requests are counted: windows aligned to the Unix epoch, a rolling window, a bucket of tokens, or a queue with a constant outflow.',
      examples: ['fixed_window'],
    }),
    ...numbers,
    key: Type.Array(KeyPart, {
      description: 'What is counted by: the parts together are the key of a counter.',
      minItems: 1,
      maxItems: 8,
    }),
    onMissing: Type.Optional(
      Type.Enum(['shared', 'skip', 'deny'], {
        description:
          'A request without a part of the key shares one counter with all such requests, is not limited, or is refused.',
        default: 'shared',
      }),
    ),
    cost: Type.Optional(Cost),
    mode: Type.Optional(
      Type.Enum(['enforce', 'shadow'], {
        description: 'shadow counts and tells, and never refuses.',
        default: 'enforce',
      }),
    ),
    percent: Type.Optional(
      Type.Number({
        description: 'Share of the keys for which the policy is enforced; it is shadow for the rest.',
        minimum: 0,
        maximum: 100,
        default: 100,
        defaultWith: { field: 'scope', is: 'fleet' },
        examples: [10],
      }),
    ),
    scope: Type.Optional(
      Type.Enum(['fleet', 'envoy'], {
        description:
          'Who counts: the rate-limit service for all Envoys together, exactly; or each Envoy by itself, without a question, so that n Envoys admit n times as much. envoy has token buckets only.',
        default: 'fleet',
        examples: ['envoy'],
      }),
    ),
    shield: Type.Optional(
      Type.String({
        description:
          'Each Envoy refuses by itself what is beyond so many times the limit, so that a flood of one key does not reach the rate-limit service. Whoever keeps within the limit never meets it. Without it there is none.',
        pattern: shieldPattern,
        maxLength: 5,
        remedy: 'write a whole number from 2 to 1000 and an x, as in 10x',
        examples: ['10x'],
      }),
    ),
    stage: Type.Optional(
      Type.Enum(['before_auth', 'after_auth'], {
        description:
          'Whether the limit is asked before or after authentication. The policies of a stage admit a request together or not at all; what the first stage counted stays counted.',
        default: 'after_auth',
      }),
    ),
    plans: Type.Optional(
      Type.Record(Name(), PlanNumbers, {
        description: 'Other numbers for consumers of a plan, by its name. Without it there are none.',
        additionalProperties: false,
        remedy: 'name a plan, as in { gold: { limit: 6000 } }',
        maxProperties: 256,
        examples: [{ gold: { limit: 6000 } }],
        pending: 'the policy’s own numbers are in force for every plan',
      }),
    ),
    overrides: Type.Optional(
      Type.Array(Override, {
        description:
          'Other numbers for requests that match; the most specific wins, and beats a plan. Without it there are none.',
        maxItems: 10_000,
      }),
    ),
    response: Type.Optional(Response),
    xRateLimitHeaders: Type.Optional(
      Type.Boolean({
        description:
          'Whether clients get x-ratelimit-limit, -remaining and -reset besides RateLimit and RateLimit-Policy. Of several such policies they tell the one with the least left.',
        default: false,
        defaultWith: { field: 'scope', is: 'fleet' },
      }),
    ),
    onStoreFailure: Type.Optional(
      Type.Enum(['local', 'allow', 'deny'], {
        description:
          'While the counter store is away: each replica counts its share, all pass, or all are refused.',
        default: 'local',
        defaultWith: { field: 'scope', is: 'fleet' },
      }),
    ),
  },
  { additionalProperties: false, description: 'How many requests of one key may pass.' },
)

export type RateLimitSpec = Static<typeof RateLimitSpec>

type WithDefaults =
  | 'onMissing'
  | 'cost'
  | 'mode'
  | 'percent'
  | 'scope'
  | 'stage'
  | 'xRateLimitHeaders'
  | 'onStoreFailure'

/** A policy as it is in force: what has a default is there. */
export type EffectiveRateLimit = RateLimitSpec &
  Required<Pick<RateLimitSpec, WithDefaults>> & { response: DeniedResponse }
