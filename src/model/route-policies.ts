import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import { Duration } from './duration.ts'
import { HeaderMap, HeaderName, untouchableProblem } from './header.ts'

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
