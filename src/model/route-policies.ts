import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import { Duration } from './duration.ts'
import { HeaderMap, HeaderName, untouchableProblem } from './header.ts'

/** Envoy's tokens for `retry_on` and `retry_grpc_on`, in lower_snake_case. */
export const retryTokens = [
  ...['5xx', 'gateway_error', 'reset', 'reset_before_request', 'connect_failure', 'envoy_ratelimited'],
  ...['retriable_4xx', 'refused_stream', 'retriable_status_codes'],
  ...['cancelled', 'deadline_exceeded', 'internal', 'resource_exhausted', 'unavailable'],
]

export const Retry = Type.Object(
  {
    attempts: Type.Integer({
      description: 'Retries at most, besides the first try.',
      minimum: 1,
      maximum: 16,
      examples: [2],
    }),
    on: Type.Array(Type.Enum(retryTokens, { description: 'What is retried.', examples: ['5xx'] }), {
      description: 'What is retried, in Envoy’s words.',
      minItems: 1,
      maxItems: 16,
      uniqueItems: true,
    }),
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
        description: 'How long one try may take. Without it only the route’s timeout holds.',
        atLeast: '1ms',
        atMost: '1h',
        examples: ['2s'],
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

/** The word without the list, and the list without the word, do nothing. */
export function retryProblems(retry: Retry | undefined, pointer: string): Problem[] {
  const word = retry?.on.includes('retriable_status_codes') === true
  if (retry === undefined || word === (retry.statusCodes !== undefined)) return []
  if (word) {
    const message = 'retriable_status_codes retries nothing without statusCodes'
    return [{ pointer: `${pointer}/statusCodes`, message, remedy: 'add the statuses, for example [409]' }]
  }
  const message = 'statusCodes are retried only with the word retriable_status_codes'
  return [
    { pointer: `${pointer}/on`, message, remedy: 'add retriable_status_codes to "on", or remove the list' },
  ]
}

const Operations = (what: string) =>
  Type.Optional(
    Type.Object(
      {
        set: Type.Optional(
          HeaderMap(
            { description: 'Headers that get this value, whatever they had.', default: {} },
            'weir-substitution',
          ),
        ),
        add: Type.Optional(
          HeaderMap(
            { description: 'Headers that get this value besides what they have.', default: {} },
            'weir-substitution',
          ),
        ),
        remove: Type.Optional(
          Type.Array(HeaderName({ description: 'A header name.' }), {
            description: 'Headers that are taken away.',
            maxItems: 64,
            default: [],
          }),
        ),
      },
      {
        additionalProperties: false,
        description: `What happens to the headers of ${what}. Without it they stay.`,
      },
    ),
  )

export const HeaderOperations = Type.Object(
  { request: Operations('the request'), response: Operations('the answer') },
  {
    additionalProperties: false,
    description: 'Sets, adds and removes headers. Without it they stay as they are.',
  },
)

export type HeaderOperations = Static<typeof HeaderOperations>

/** What a route may not do to headers. */
export function headerProblems(headers: HeaderOperations | undefined, pointer: string): Problem[] {
  return Object.entries(headers ?? {}).flatMap(([direction, { set = {}, add = {}, remove = [] }]) => {
    const places = [
      ...Object.keys({ ...set }).map((name) => [name, `set/${name}`] as const),
      ...Object.keys({ ...add }).map((name) => [name, `add/${name}`] as const),
      ...remove.map((name, index) => [name, `remove/${index}`] as const),
    ]
    return places.flatMap(([name, place]) => untouchableProblem(name, `${pointer}/${direction}/${place}`))
  })
}

export const Cors = Type.Object(
  {
    allowOrigins: Type.Array(
      Type.String({
        description: 'An origin, or "*".',
        pattern: '^(\\*|[a-z][a-z0-9+.-]*://[^/\\s]+)$',
        maxLength: 512,
        remedy: 'write scheme://host, with a port if it is not the default one, or "*"',
        examples: ['https://shop.example'],
      }),
      { description: 'Origins that may read answers.', minItems: 1, maxItems: 64 },
    ),
    allowMethods: Type.Optional(
      Type.Array(
        Type.String({
          description: 'An HTTP method.',
          pattern: '^[A-Z]{1,32}$',
          maxLength: 32,
          examples: ['GET'],
        }),
        {
          description: 'Methods that may be used. Without it the simple ones: GET, HEAD, POST.',
          maxItems: 16,
        },
      ),
    ),
    allowHeaders: Type.Optional(
      Type.Array(HeaderName({ description: 'A header name.' }), {
        description: 'Request headers that may be sent. Without it the simple ones.',
        maxItems: 64,
      }),
    ),
    exposeHeaders: Type.Optional(
      Type.Array(HeaderName({ description: 'A header name.' }), {
        description: 'Response headers that may be read. Without it the simple ones.',
        maxItems: 64,
      }),
    ),
    allowCredentials: Type.Optional(
      Type.Boolean({ description: 'Whether cookies and authorization may be sent.', default: false }),
    ),
    maxAge: Type.Optional(
      Duration({
        description: 'How long a preflight’s answer may be kept. Without it the browser decides.',
        atLeast: '0s',
        atMost: '24h',
        examples: ['1h'],
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Cross-origin requests: preflights are answered, and answers say who may read them. Without it they carry no CORS headers.',
  },
)

export type Cors = Static<typeof Cors>

/** Any origin with the visitor's cookies would let every site act as the visitor (Fetch standard, section 3.2.5). */
export function corsProblems(cors: Cors | undefined, pointer: string): Problem[] {
  if (cors?.allowCredentials !== true || !cors.allowOrigins.includes('*')) return []
  const message = 'credentials cannot be allowed for every origin'
  return [
    { pointer: `${pointer}/allowOrigins`, message, remedy: 'list the origins, or remove allowCredentials' },
  ]
}
