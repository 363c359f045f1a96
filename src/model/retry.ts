import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import { Duration, milliseconds } from './duration.ts'
import { effective } from './effective.ts'
import { HeaderName } from './header.ts'

/** Envoy's tokens for `retry_on` that only see a try that reached nobody, or was cut off: no answer is behind them. */
const withoutAnswer = ['reset', 'reset_before_request', 'connect_failure', 'refused_stream']

/** Envoy's tokens for `retry_on` and `retry_grpc_on`, in lower_snake_case. */
export const retryTokens = [
  ...['5xx', 'gateway_error', 'envoy_ratelimited', 'retriable_4xx', 'retriable_status_codes'],
  ...withoutAnswer,
  ...['cancelled', 'deadline_exceeded', 'internal', 'resource_exhausted', 'unavailable'],
]

/** Nobody has begun to serve a request that these words are about, so that no order is placed twice. */
const safeTokens = ['connect_failure', 'refused_stream', 'reset_before_request']

const Backoff = Type.Object(
  {
    baseInterval: Duration({
      description:
        'Bound of the pause before the first retry, which doubles with each; a pause is anything from 0 to its bound, at random.',
      atLeast: '1ms',
      atMost: '1h',
      examples: ['25ms'],
    }),
    maxInterval: Type.Optional(
      Duration({
        description: 'The bound grows no further. Without it ten times baseInterval.',
        atLeast: '1ms',
        atMost: '1h',
        examples: ['250ms'],
      }),
    ),
  },
  {
    additionalProperties: false,
    default: { baseInterval: '25ms', maxInterval: '250ms' },
    description: 'How long a retry waits, where the answer does not say when to come again.',
  },
)

const ResetHeader = Type.Object(
  {
    name: HeaderName({ description: 'A header of the answer.', examples: ['retry-after'] }),
    format: Type.Enum(['seconds', 'unix_timestamp'], {
      description:
        'What it holds: whole seconds to wait, or the time to come again as whole seconds since 1970. A date is neither, and counts as no header.',
      remedy: 'use one of: seconds, unix_timestamp; Envoy reads no dates',
      examples: ['seconds'],
    }),
  },
  { additionalProperties: false, description: 'A header that says when to come again.' },
)

const RetryAfter = Type.Object(
  {
    resetHeaders: Type.Optional(
      Type.Array(ResetHeader, {
        description:
          'Headers that say when to come again; the first one that can be read counts. [] for none.',
        maxItems: 8,
        uniqueItems: true,
        default: [{ name: 'retry-after', format: 'seconds' }],
      }),
    ),
    maxInterval: Type.Optional(
      Duration({
        description:
          'The longest wait that is kept to; never more than two thirds of the route’s timeout, so that the request is not over within one wait. An answer that asks for a longer one is retried as if it asked for none.',
        default: '5s',
        atLeast: '1s',
        atMost: '1h',
        examples: ['5s'],
      }),
    ),
  },
  {
    additionalProperties: false,
    default: {},
    description:
      'A failed answer that says when to come again is not retried before. It does not make an answer one that is retried.',
  },
)

export const Retry = Type.Object(
  {
    attempts: Type.Optional(
      Type.Integer({
        description: 'Retries at most, besides the first try.',
        minimum: 1,
        maximum: 16,
        default: 2,
        examples: [2],
      }),
    ),
    on: Type.Optional(
      Type.Array(Type.Enum(retryTokens, { description: 'What is retried.', examples: ['5xx'] }), {
        description: 'What is retried, in Envoy’s words. The default is what no endpoint began to serve.',
        minItems: 1,
        maxItems: 16,
        uniqueItems: true,
        default: safeTokens,
        examples: [['5xx']],
      }),
    ),
    statusCodes: Type.Optional(
      Type.Array(Type.Integer({ description: 'A status.', minimum: 100, maximum: 599, examples: [409] }), {
        description: 'Statuses that retriable_status_codes stands for. Left out without that word.',
        minItems: 1,
        maxItems: 64,
        uniqueItems: true,
      }),
    ),
    perTryTimeout: Type.Optional(
      Duration({
        description:
          'How long one try may take until its answer begins; shorter than the route’s timeout. Without it only that holds.',
        atLeast: '1ms',
        atMost: '1h',
        examples: ['2s'],
      }),
    ),
    perTryIdleTimeout: Type.Optional(
      Duration({
        description:
          'How long nothing may come of a try, before its answer begins and within it; shorter than the route’s timeout. Without it only the other timeouts hold.',
        atLeast: '1ms',
        atMost: '1h',
        examples: ['500ms'],
      }),
    ),
    hedgeOnPerTryTimeout: Type.Optional(
      Type.Boolean({
        description:
          'When perTryTimeout is over, the try goes on beside its retry, and the first good answer of either counts.',
        default: false,
        examples: [true],
      }),
    ),
    backoff: Type.Optional(Backoff),
    retryAfter: Type.Optional(RetryAfter),
    hostSelectionRetryMaxAttempts: Type.Optional(
      Type.Integer({
        description:
          'How often an endpoint is picked anew for a retry when the pick was tried before. With 0 a retry goes to any endpoint.',
        minimum: 0,
        maximum: 100,
        default: 5,
        examples: [5],
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Tries again what failed, on another endpoint where there is one. Without it nothing is retried.',
  },
)

export type Retry = Static<typeof Retry>

/** A retry as it is in force: what has a default is there. */
export type EffectiveRetry = Retry &
  Required<
    Pick<
      Retry,
      'attempts' | 'on' | 'backoff' | 'hedgeOnPerTryTimeout' | 'hostSelectionRetryMaxAttempts' | 'retryAfter'
    >
  > & { retryAfter: Required<Static<typeof RetryAfter>> }

export function effectiveRetry(retry: Retry): EffectiveRetry {
  return effective<EffectiveRetry>(Retry, retry)
}

/**
 * Whether what was served can be tried again, or beside itself: not only that no try reached anybody, or was cut off by
 * someone else.
 */
export function retriesServed(retry: EffectiveRetry): boolean {
  const { on, perTryTimeout, perTryIdleTimeout } = retry
  const endsTries = perTryTimeout !== undefined || perTryIdleTimeout !== undefined
  return on.some((word) => !withoutAnswer.includes(word)) || (endsTries && retriesTimeouts(retry))
}

/** Envoy retries a try that ran into its timeout by these words alone. */
const timeoutTokens = ['5xx', 'gateway_error', 'reset']

/** Whether a try that runs into its timeout is tried again. */
export function retriesTimeouts({ on, hedgeOnPerTryTimeout }: EffectiveRetry): boolean {
  return hedgeOnPerTryTimeout || on.some((word) => timeoutTokens.includes(word))
}

/** What the fields of a retry that stand side by side may not say together. */
export function retryProblems(written: Retry | undefined, pointer: string): Problem[] {
  if (written === undefined) return []
  const retry = effectiveRetry(written)
  return [
    ...statusProblems(retry, pointer),
    ...hedgeProblems(retry, pointer),
    ...backoffProblems(retry, pointer),
  ]
}

/** The word without the list, and the list without the word, do nothing. */
function statusProblems({ on, statusCodes }: EffectiveRetry, pointer: string): Problem[] {
  const word = on.includes('retriable_status_codes')
  if (word === (statusCodes !== undefined)) return []
  if (word) {
    const message = 'retriable_status_codes retries nothing without statusCodes'
    return [{ pointer: `${pointer}/statusCodes`, message, remedy: 'add the statuses, for example [409]' }]
  }
  const message = 'statusCodes are retried only with the word retriable_status_codes'
  return [
    { pointer: `${pointer}/on`, message, remedy: 'add retriable_status_codes to "on", or remove the list' },
  ]
}

function hedgeProblems({ hedgeOnPerTryTimeout, perTryTimeout }: EffectiveRetry, pointer: string): Problem[] {
  if (!hedgeOnPerTryTimeout || perTryTimeout !== undefined) return []
  const message = 'hedgeOnPerTryTimeout does nothing without perTryTimeout'
  const remedy = 'add perTryTimeout, shorter than the route’s timeout, or remove hedgeOnPerTryTimeout'
  return [{ pointer: `${pointer}/hedgeOnPerTryTimeout`, message, remedy }]
}

function backoffProblems({ backoff }: EffectiveRetry, pointer: string): Problem[] {
  const { baseInterval, maxInterval } = backoff
  if (maxInterval === undefined || milliseconds(maxInterval) >= milliseconds(baseInterval)) return []
  const message = `maxInterval ${maxInterval} is shorter than baseInterval ${baseInterval}`
  const remedy = `write a maxInterval of at least ${baseInterval}, or a shorter baseInterval`
  return [{ pointer: `${pointer}/backoff/maxInterval`, message, remedy }]
}
