import { type Static, Type } from 'typebox'
import { CookieName } from '../../model/cookie-name.ts'
import { HeaderName } from '../../model/header.ts'

const notLimiting = 'the policy limits nothing'

const flag = (description: string, pending?: string) =>
  Type.Optional(Type.Literal(true, { description, ...(pending === undefined ? {} : { pending }) }))

const named = (description: string, example: string, pending?: string) =>
  Type.Optional(
    Type.String({
      ...{ description, minLength: 1, maxLength: 256, examples: [example] },
      ...(pending === undefined ? {} : { pending }),
    }),
  )

/** One part of what is counted by. Each item holds exactly one. */
export const KeyPart = Type.Object(
  {
    header: Type.Optional(
      HeaderName({ description: 'Count by the value of this request header, the first of its name.' }),
    ),
    query: named('Count by the value of this query parameter, the first of its name.', 'api_key'),
    cookie: Type.Optional(
      CookieName({ description: 'Count by the value of this cookie, the first of its name.' }),
    ),
    jwt_claim: named('Count by this claim of a verified token, a text.', 'sub'),
    constant: Type.Optional(
      Type.String({
        description: 'A fixed part: one counter for all requests.',
        minLength: 1,
        maxLength: 256,
        examples: ['everyone'],
      }),
    ),
    client_ip: flag('Count by the client’s IP address (IPv6 by /64).'),
    consumer: flag('Count by who calls.', notLimiting),
    plan: flag('Count by the caller’s plan.', notLimiting),
    path: flag('Count by the path without its query, as routes match it.'),
    method: flag('Count by the method.'),
    route: flag('Count by the route, so that each of them has counters of its own.'),
    client_certificate: flag(
      'Count by the identity of the client’s certificate: its first URI, else its first DNS name, else its subject.',
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    description: 'One part of the key.',
    remedy:
      'write exactly one of header, query, cookie, jwt_claim, constant, client_ip, consumer, plan, path, method, route, client_certificate in each item',
  },
)

export type KeyPart = Static<typeof KeyPart>
