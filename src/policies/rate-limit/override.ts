import { type TSchema, Type } from 'typebox'
import { HeaderName } from '../../model/header.ts'
import { numbers } from './numbers.ts'

const text = { type: 'string', minLength: 1, maxLength: 1024 }
const prefix = {
  type: 'object',
  properties: { prefix: text },
  required: ['prefix'],
  additionalProperties: false,
}
const cidr = {
  type: 'object',
  properties: { cidr: { type: 'string', format: 'weir-cidr', maxLength: 64 } },
  required: ['cidr'],
  additionalProperties: false,
}

type Value = string | { prefix: string } | { cidr: string }

const value = (description: string, anyOf: TSchema[] | object[], remedy: string) =>
  Type.Optional(Type.Unsafe<Value>({ description, anyOf, remedy, examples: ['acme'] }))

const exactOrPrefix = (what: string) =>
  value(`Requests of this ${what}.`, [text, prefix], `write the ${what}, or {prefix: ...}`)

const byName = (what: string) =>
  Type.Optional(
    Type.Record(
      what === 'header' ? HeaderName() : Type.String(),
      Type.Unsafe<Value>({
        description: `Value of the ${what}.`,
        anyOf: [text, prefix],
        remedy: 'write the value, or {prefix: ...}',
      }),
      {
        description: `Requests with this ${what}, as {name: value}.`,
        minProperties: 1,
        maxProperties: 1,
        additionalProperties: false,
        remedy: `write one ${what} and its value`,
      },
    ),
  )

const Match = Type.Object(
  {
    consumer: exactOrPrefix('consumer'),
    plan: exactOrPrefix('plan'),
    path: exactOrPrefix('path'),
    method: exactOrPrefix('method'),
    route: exactOrPrefix('route'),
    client_ip: value('Requests of this client.', [text, cidr], 'write an IP address, or {cidr: ...}'),
    header: byName('header'),
    query: byName('query parameter'),
    cookie: byName('cookie'),
    jwt_claim: byName('claim'),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    description: 'Which requests.',
    remedy:
      'write exactly one of consumer, plan, path, method, route, client_ip, header, query, cookie, jwt_claim',
  },
)

/** Other numbers for some requests. */
export const Override = Type.Object(
  { match: Match, ...numbers },
  {
    additionalProperties: false,
    minProperties: 2,
    description: 'Other numbers for requests that match.',
    remedy: 'write match and at least one number',
  },
)
