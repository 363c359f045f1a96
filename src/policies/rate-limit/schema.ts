import { type Static, Type } from 'typebox'
import { HeaderMap, HeaderName } from '../../model/header.ts'
import { Name } from '../../model/name.ts'
import { KeyPart } from './key-part.ts'
import { numbers } from './numbers.ts'
import { Override } from './override.ts'

const notLimiting = 'the policy limits nothing'

const Cost = Type.Unsafe<number | { header: string }>({
  description:
    'What a request counts: a number, or {header} with a decimal number that a trusted client sends.',
  default: 1,
  examples: [1],
  remedy: 'write a whole number from 0 to 2147483647, or {header: name}',
  pending: 'every request counts 1',
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

const Response = Type.Object(
  {
    status: Type.Optional(
      Type.Integer({
        description: 'Status of a refused request.',
        minimum: 400,
        maximum: 599,
        default: 429,
        examples: [503],
      }),
    ),
    headers: Type.Optional(HeaderMap({ description: 'Headers of a refused request’s answer.', default: {} })),
    body: Type.Optional(
      Type.String({
        description: 'Body of a refused request’s answer.',
        maxLength: 4096,
        default: '',
        examples: ['slow down'],
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'What a refused client gets. Without it a bare 429.',
    pending: 'refused requests get a bare 429',
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
      pendingValues: { sliding_window: notLimiting, token_bucket: notLimiting, leaky_bucket: notLimiting },
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
        pendingValues: { skip: 'such requests share one counter', deny: 'such requests share one counter' },
      }),
    ),
    cost: Type.Optional(Cost),
    mode: Type.Optional(
      Type.Enum(['enforce', 'shadow'], {
        description: 'shadow counts and tells, and never refuses.',
        default: 'enforce',
        pendingValues: { shadow: notLimiting },
      }),
    ),
    percent: Type.Optional(
      Type.Number({
        description: 'Share of the keys for which the policy is enforced; it is shadow for the rest.',
        minimum: 0,
        maximum: 100,
        default: 100,
        examples: [10],
        pending: notLimiting,
      }),
    ),
    stage: Type.Optional(
      Type.Enum(['before_auth', 'after_auth'], {
        description: 'Whether the limit is asked before or after authentication.',
        default: 'after_auth',
        pendingValues: { before_auth: 'the limit is asked together with the others' },
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
        pending: 'the policy’s own numbers are in force for everybody',
      }),
    ),
    response: Type.Optional(Response),
    onStoreFailure: Type.Optional(
      Type.Enum(['local', 'allow', 'deny'], {
        description:
          'While the counter store is away: each replica counts its share, all pass, or all are refused.',
        default: 'local',
        pending: 'counters are in memory, where no store can be away',
      }),
    ),
  },
  { additionalProperties: false, description: 'How many requests of one key may pass.' },
)

export type RateLimitSpec = Static<typeof RateLimitSpec>
