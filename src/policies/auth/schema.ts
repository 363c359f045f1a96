import { type Static, Type } from 'typebox'
import { HeaderName } from '../../model/header.ts'
import { Name } from '../../model/name.ts'

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
  },
)

const Jwks = Type.Object(
  {
    cluster: Type.Optional(Name({ description: 'Cluster that serves the keys.', examples: ['users'] })),
    path: Type.Optional(
      Type.String({
        description: 'Path of the keys on that cluster. Left out with inline.',
        pattern: '^/[^#\\s\\u0000-\\u001f\\u007f]*$',
        maxLength: 2048,
        remedy: 'write a path that starts with "/"',
        examples: ['/jwks.json'],
      }),
    ),
    inline: Type.Optional(
      Type.String({
        description: 'The key set itself, as JSON text.',
        minLength: 2,
        maxLength: 65_536,
        examples: ['{"keys":[]}'],
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'Keys by which tokens are verified: exactly one of cluster, inline.',
  },
)

const Jwt = Type.Object(
  {
    issuer: Type.String({
      description: 'Who must have issued the token (iss).',
      minLength: 1,
      maxLength: 1024,
      examples: ['https://id.example'],
    }),
    audiences: Type.Optional(
      Type.Array(
        Type.String({ description: 'An audience.', minLength: 1, maxLength: 1024, examples: ['shop'] }),
        {
          description: 'Audiences of which the token must have one (aud). Without it any will do.',
          minItems: 1,
          maxItems: 64,
        },
      ),
    ),
    jwks: Jwks,
    claims: Type.Optional(
      Type.Record(
        Type.String({ pattern: '^.{1,256}$' }),
        Type.Array(Type.String({ description: 'A value.', maxLength: 1024, examples: ['admin'] }), {
          description: 'Values of which the claim must have one.',
          minItems: 1,
          maxItems: 256,
        }),
        {
          description: 'Claims that the token must have. Without it none is looked at.',
          maxProperties: 32,
          additionalProperties: false,
          remedy: 'name up to 32 claims, as in { role: [admin] }',
          examples: [{ role: ['admin'] }],
        },
      ),
    ),
  },
  {
    additionalProperties: false,
    description: 'The caller has a signed token (RFC 7519). Without it none is asked for.',
  },
)

const Allow = Type.Object(
  {
    ips: Type.Array(
      Type.String({
        description: 'An address or a block of addresses.',
        format: 'weir-cidr',
        maxLength: 64,
        remedy: 'write an IP address or a CIDR block, for example 10.0.0.0/8',
        examples: ['10.0.0.0/8'],
      }),
      { description: 'Addresses that may call.', minItems: 1, maxItems: 1024 },
    ),
  },
  {
    additionalProperties: false,
    description: 'The caller’s address is one of these. Without it any will do.',
  },
)

export const AuthSpec = Type.Object(
  { apiKey: Type.Optional(ApiKey), jwt: Type.Optional(Jwt), allow: Type.Optional(Allow) },
  {
    additionalProperties: false,
    minProperties: 1,
    description: 'Who may call: all of its parts must hold.',
    remedy: 'write at least one of apiKey, jwt, allow',
    pending: 'routes that name it answer 503',
    failsClosed: true,
  },
)

export type AuthSpec = Static<typeof AuthSpec>
