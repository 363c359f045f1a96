import { type Static, Type } from 'typebox'
import { HttpMethod } from '../../model/http-method.ts'
import { Size } from '../../model/size.ts'

const pending = 'routes that name it answer 503'

export const RequestSpec = Type.Object(
  {
    maxBytes: Type.Optional(
      Size({
        description:
          'Largest body; larger ones get a 413. It may only lower the gateway’s maxRequestBytes, which holds without it.',
        atLeast: '0B',
        atMost: '4GiB',
        examples: ['64KiB'],
      }),
    ),
    methods: Type.Optional(
      Type.Array(HttpMethod(), {
        description:
          'Methods of the route’s requests; others get a 405 with Allow. Without it all may be. Preflights of CORS are always answered.',
        minItems: 1,
        maxItems: 16,
        uniqueItems: true,
      }),
    ),
    contentTypes: Type.Optional(
      Type.Array(
        Type.String({
          description: 'A media type, without parameters; image/* stands for every image.',
          pattern: '^[a-z0-9!#$&^_.+-]+/([a-z0-9!#$&^_.+-]+|\\*)$',
          maxLength: 256,
          remedy: 'write a media type in lower case, for example application/json',
          examples: ['application/json'],
        }),
        {
          description: 'Media types that a body may have; others get a 415. Without it all may.',
          minItems: 1,
          maxItems: 32,
        },
      ),
    ),
    reject: Type.Optional(
      Type.Array(
        Type.Enum(['sql_injection', 'cross_site_scripting'], {
          description: 'A kind of attack.',
          examples: ['sql_injection'],
        }),
        {
          description: 'Requests that look like these attacks get a 400. Without it none is looked for.',
          minItems: 1,
          maxItems: 2,
          uniqueItems: true,
          pending,
          failsClosed: true,
        },
      ),
    ),
    unknownOperations: Type.Optional(
      Type.Enum(['allow', 'deny'], {
        description: 'What happens to requests that the OpenAPI document does not describe.',
        default: 'allow',
        pendingValues: { deny: pending },
        failsClosed: true,
      }),
    ),
    openapi: Type.Optional(
      Type.Unsafe<Record<string, unknown>>({
        type: 'object',
        description: 'An OpenAPI 3.1 document that requests are held to. Without it they may have any shape.',
        pending,
        failsClosed: true,
        required: ['openapi', 'paths'],
        properties: {
          openapi: {
            type: 'string',
            description: 'Version of OpenAPI.',
            pattern: '^3\\.[01]\\.[0-9]+$',
            maxLength: 16,
            remedy: 'write 3.0.x or 3.1.x',
            examples: ['3.1.0'],
          },
          paths: { type: 'object', description: 'The operations, by path.' },
        },
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description: 'What a request may be.',
    remedy: 'write at least one rule, for example maxBytes',
  },
)

export type RequestSpec = Static<typeof RequestSpec>
