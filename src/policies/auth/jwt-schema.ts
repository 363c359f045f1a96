import { type Static, Type } from 'typebox'
import { HeaderName } from '../../model/header.ts'
import { Name } from '../../model/name.ts'

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
    host: Type.Optional(
      Type.String({
        description:
          'Host that the keys are asked of. Without it the `tls.sni` of the cluster, else its name.',
        pattern: '^[a-zA-Z0-9_]([a-zA-Z0-9._-]*[a-zA-Z0-9_])?(:[0-9]{1,5})?$',
        maxLength: 260,
        remedy: 'write a host name, with a port if it has one',
        examples: ['id.example'],
      }),
    ),
    inline: Type.Optional(
      Type.String({
        description: 'The key set itself, as JSON text (RFC 7517): public keys alone.',
        format: 'weir-key-set',
        remedy: 'write a JSON Web Key Set with public keys (RSA of 2048 bits and more, EC, Ed25519)',
        minLength: 2,
        maxLength: 65_536,
        examples: [
          '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}',
        ],
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'Keys by which tokens are verified: exactly one of cluster, inline.',
  },
)

const claimName = '^[^\\u0000-\\u001f\\u007f]{1,256}$'

export const Jwt = Type.Object(
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
        Type.String({ pattern: claimName }),
        Type.Array(Type.String({ description: 'A value.', maxLength: 1024, examples: ['admin'] }), {
          description: 'Values of which the claim must have one.',
          minItems: 1,
          maxItems: 256,
        }),
        {
          description:
            'Claims that the token must have; a name with dots is a claim of that name, or one inside of others. Without it none is looked at.',
          maxProperties: 32,
          additionalProperties: false,
          remedy: 'name up to 32 claims, as in { role: [admin] }',
          examples: [{ role: ['admin'] }],
        },
      ),
    ),
    headers: Type.Optional(
      Type.Record(
        HeaderName(),
        Type.String({
          description: 'The claim that it carries; dots lead into claims.',
          pattern: claimName,
          maxLength: 256,
          examples: ['sub'],
        }),
        {
          description:
            'Request headers in which upstreams get claims of the verified token. Without it they get none.',
          minProperties: 1,
          maxProperties: 16,
          additionalProperties: false,
          remedy: 'name headers and their claims, as in { x-user: sub }',
          examples: [{ 'x-user': 'sub' }],
        },
      ),
    ),
    forward: Type.Optional(
      Type.Boolean({
        description: 'Whether upstreams get the token itself; it is taken away otherwise.',
        default: false,
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'The caller has a signed token (RFC 7519) in `authorization: Bearer`. Without it none is asked for.',
  },
)

export type Jwt = Static<typeof Jwt>
