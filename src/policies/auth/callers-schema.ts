import { type Static, Type } from 'typebox'
import { HttpMethod } from '../../model/http-method.ts'
import { Matchers } from '../../model/matcher.ts'
import { RoutePath } from '../../model/route-match.ts'

const Identity = Type.Object(
  {
    exact: Type.Optional(
      Type.String({
        description: 'The identity equals this.',
        minLength: 1,
        maxLength: 1024,
        examples: ['spiffe://partner.example/orders'],
      }),
    ),
    prefix: Type.Optional(
      Type.String({
        description: 'The identity starts with this.',
        minLength: 1,
        maxLength: 1024,
        examples: ['spiffe://partner.example/'],
      }),
    ),
    suffix: Type.Optional(
      Type.String({
        description: 'The identity ends with this.',
        minLength: 1,
        maxLength: 1024,
        examples: ['.partner.example'],
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    description: 'An identity of a client certificate.',
    remedy: 'write exactly one of exact, prefix, suffix in each item',
  },
)

/** Requests that a rule is about: all of its parts hold. `what` says what comes of that. */
export function Callers(what: string) {
  return Type.Object(
    {
      ips: Type.Optional(
        Type.Array(
          Type.String({
            description: 'An address or a block of addresses.',
            format: 'weir-cidr',
            maxLength: 64,
            remedy: 'write an IP address or a CIDR block, for example 10.0.0.0/8',
            examples: ['10.0.0.0/8'],
          }),
          {
            description: 'The client’s address is one of these. Without it any.',
            minItems: 1,
            maxItems: 1024,
          },
        ),
      ),
      paths: Type.Optional(
        Type.Array(RoutePath, {
          description: 'The path, without its query, is one of these. Without it any.',
          minItems: 1,
          maxItems: 64,
        }),
      ),
      methods: Type.Optional(
        Type.Array(HttpMethod(), {
          description: 'The method is one of these. Without it any.',
          minItems: 1,
          maxItems: 16,
          uniqueItems: true,
        }),
      ),
      headers: Matchers({
        what: 'header',
        description: 'Conditions on headers: all of them hold. Without it any headers.',
        neverEmpty: true,
        pattern: "^[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,256}$",
        remedy: 'write a header name, for example x-api-version',
        example: 'x-api-version',
      }),
      certificates: Type.Optional(
        Type.Array(Identity, {
          description:
            'The client’s certificate is for one of these: its first URI, else its first DNS name, else its subject. Without it any client, with a certificate or not.',
          minItems: 1,
          maxItems: 256,
        }),
      ),
    },
    {
      additionalProperties: false,
      minProperties: 1,
      description: what,
      remedy: 'write at least one of ips, paths, methods, headers, certificates',
    },
  )
}

export type Callers = Static<ReturnType<typeof Callers>>
