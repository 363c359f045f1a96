import { type Static, Type } from 'typebox'
import { HeaderName } from '../../model/header.ts'
import { Callers } from './callers-schema.ts'
import { Jwt } from './jwt-schema.ts'

const Place = Type.Object(
  {
    header: Type.Optional(HeaderName({ description: 'A request header.' })),
    query: Type.Optional(
      Type.String({ description: 'A query parameter.', minLength: 1, maxLength: 256, examples: ['api_key'] }),
    ),
    cookie: Type.Optional(
      Type.String({ description: 'A cookie.', minLength: 1, maxLength: 256, examples: ['api_key'] }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    description: 'Where a key may stand.',
    remedy: 'write exactly one of header, query, cookie in each item',
  },
)

const ApiKey = Type.Object(
  {
    in: Type.Array(Place, {
      description: 'Where a key is looked for, in this order.',
      minItems: 1,
      maxItems: 8,
    }),
  },
  {
    additionalProperties: false,
    description: 'The caller is a Consumer, by one of its API keys. Without it no key is asked for.',
    pending: 'routes that name it answer 503',
    failsClosed: true,
  },
)

export const AuthSpec = Type.Object(
  {
    apiKey: Type.Optional(ApiKey),
    jwt: Type.Optional(Jwt),
    allow: Type.Optional(
      Callers('Requests that may pass: all of its parts hold. Without it all may that are not denied.'),
    ),
    deny: Type.Optional(
      Callers('Requests that are refused although all else holds: all of its parts hold. Without it none.'),
    ),
    mode: Type.Optional(
      Type.Enum(['enforce', 'shadow'], {
        description: 'Whether requests are refused, or it is only told that they would be.',
        default: 'enforce',
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description: 'Who may call: all of its parts must hold.',
    remedy: 'write at least one of apiKey, jwt, allow, deny',
  },
)

export type AuthSpec = Static<typeof AuthSpec>
