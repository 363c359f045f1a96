import { type Static, Type } from 'typebox'
import { HeaderValue } from '../model/header.ts'
import { HttpMethod } from '../model/http-method.ts'
import { Name } from '../model/name.ts'

/** A name or an address, with a port or without. */
export const hostPattern = '^(\\[[0-9a-fA-F:.]+\\]|[a-zA-Z0-9_-]+(\\.[a-zA-Z0-9_-]+)*\\.?)(:[0-9]{1,5})?$'

const value = HeaderValue({ description: 'Value of the header.' })

const Headers = Type.Record(
  Type.String({ pattern: "^[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,256}$" }),
  Type.Unsafe<string | string[]>({
    description: 'Value of the header; several where it has several lines.',
    remedy:
      'write its value as a text of at most 8192 characters without control characters, or a list of 1 to 64 such texts',
    anyOf: [value, { type: 'array', items: value, minItems: 1, maxItems: 64 }],
  }),
  {
    description: 'Headers of the request; names in any case.',
    maxProperties: 100,
    additionalProperties: false,
    remedy:
      'write at most 100 headers, each name a token of at most 256 characters; the method, the path and the host have fields of their own',
    default: {},
    examples: [{ 'x-api-key': 'a' }],
  },
)

/** A request as somebody asks about it. */
export const Question = Type.Object(
  {
    gateway: Name({ description: 'The gateway that it is sent to.', examples: ['edge'] }),
    listener: Type.Optional(
      Name({ description: 'The listener. Left out, the first that is open.', examples: ['http'] }),
    ),
    method: Type.Optional(HttpMethod({ description: 'The method.', default: 'GET' })),
    path: Type.String({
      description: 'The path with its query, as the client writes it.',
      pattern: '^/[!-~]*$',
      maxLength: 8_192,
      remedy: 'write a path that starts with "/", what is no ASCII escaped, for example /orders?page=2',
      examples: ['/orders?page=2'],
    }),
    host: Type.Optional(
      Type.String({
        description: 'What the client writes as Host. Left out, the header `host`, else `localhost`.',
        pattern: hostPattern,
        maxLength: 261,
        remedy: 'write a name or an address, with a port or without, for example shop.example',
        examples: ['shop.example'],
      }),
    ),
    headers: Type.Optional(Headers),
    clientIp: Type.Optional(
      Type.String({
        description: 'Address that the request comes from.',
        format: 'weir-ip',
        maxLength: 64,
        remedy: 'write an IPv4 or IPv6 address, for example 127.0.0.1',
        default: '127.0.0.1',
        examples: ['127.0.0.1'],
      }),
    ),
  },
  { additionalProperties: false, title: 'Question', description: 'A request, to be explained and not made.' },
)

export type Question = Static<typeof Question>
