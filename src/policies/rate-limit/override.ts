import { type TSchema, type TString, Type } from 'typebox'
import { CookieName } from '../../model/cookie-name.ts'
import { HeaderName } from '../../model/header.ts'
import { methodPattern } from '../../model/http-method.ts'
import { numbers } from './numbers.ts'

const text = { type: 'string', description: 'The value.', minLength: 1, maxLength: 1024 }
const prefix = {
  type: 'object',
  properties: { prefix: { ...text, description: 'What the value starts with.' } },
  required: ['prefix'],
  additionalProperties: false,
}
const cidr = {
  type: 'object',
  properties: {
    cidr: {
      type: 'string',
      description: 'A block of addresses.',
      format: 'weir-cidr',
      maxLength: 64,
      examples: ['10.0.0.0/8'],
    },
  },
  required: ['cidr'],
  additionalProperties: false,
}

type Value = string | { prefix: string } | { cidr: string }

/** As in a route's match. */
const method = { ...text, pattern: methodPattern, maxLength: 32 }
const methodPrefix = {
  ...prefix,
  properties: { prefix: { ...method, description: prefix.properties.prefix.description } },
}

const address = { ...text, format: 'weir-ip', maxLength: 64 }

const notKnown = 'the policy’s own numbers are in force for such requests'

const value = (
  description: string,
  anyOf: TSchema[] | object[],
  remedy: string,
  more: { example?: string; pending?: string } = {},
) => {
  const { example = 'acme', ...marks } = more
  return Type.Optional(Type.Unsafe<Value>({ description, anyOf, remedy, examples: [example], ...marks }))
}

const exactOrPrefix = (what: string, marks: { pending?: string } = {}) =>
  value(`Requests of this ${what}.`, [text, prefix], `write the ${what}, or {prefix: ...}`, marks)

const nameOf: Readonly<Record<string, () => TString>> = { header: HeaderName, cookie: CookieName }

const byName = (what: string, marks: { pending?: string } = {}) =>
  Type.Optional(
    Type.Record(
      nameOf[what]?.() ?? Type.String({ pattern: '^.{1,256}$' }),
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
        ...marks,
      },
    ),
  )

const Match = Type.Object(
  {
    consumer: exactOrPrefix('consumer', { pending: notKnown }),
    plan: exactOrPrefix('plan', { pending: notKnown }),
    path: exactOrPrefix('path'),
    method: value(
      'Requests of this method.',
      [method, methodPrefix],
      'write a method in upper case, for example GET, or {prefix: ...}',
      { example: 'GET' },
    ),
    route: exactOrPrefix('route'),
    client_ip: value('Requests of this client.', [address, cidr], 'write an IP address, or {cidr: ...}', {
      example: '10.1.2.3',
    }),
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
