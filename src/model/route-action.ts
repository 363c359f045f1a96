import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import { HeaderMap, untouchableProblem } from './header.ts'
import { Name } from './name.ts'
import { oneOf } from './one-of.ts'
import { pathPattern } from './path.ts'
import { Port } from './port.ts'
import { groupProblem } from './substitution.ts'

const path = (description: string) =>
  Type.String({
    description,
    pattern: pathPattern,
    maxLength: 2048,
    remedy: 'write a path that starts with "/"',
    examples: ['/users'],
  })

/** One cluster of a split. */
export const Forward = Type.Object(
  {
    cluster: Name({ description: 'The cluster that gets the request.', examples: ['echo'] }),
    weight: Type.Optional(
      Type.Integer({
        description: 'Share of the requests, relative to the other weights of the list.',
        minimum: 0,
        maximum: 1_000_000,
        default: 1,
        examples: [90],
      }),
    ),
  },
  { additionalProperties: false, description: 'A cluster and its share.' },
)

export const Redirect = Type.Object(
  {
    scheme: Type.Optional(
      Type.Enum(['http', 'https'], {
        description:
          'Scheme of the location; else that of the request. The port stays unless `port` says another.',
        examples: ['https'],
      }),
    ),
    host: Type.Optional(
      Type.String({
        description: 'Host of the location; else that of the request.',
        pattern: '^(\\[[0-9a-f:.]+\\]|[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9_])?)$',
        maxLength: 253,
        remedy: 'write a host name',
        examples: ['shop.example'],
      }),
    ),
    port: Type.Optional(Port('Port of the location; else that of the request.', 443)),
    path: Type.Optional(path('Path of the location; else that of the request.')),
    status: Type.Optional(
      Type.Enum([301, 302, 303, 307, 308], {
        description: 'Status of the answer.',
        default: 301,
        examples: [308],
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description: 'Answers with a redirect instead of forwarding.',
  },
)

export type Redirect = Static<typeof Redirect>

export const Respond = Type.Object(
  {
    status: Type.Integer({
      description: 'Status of the answer.',
      minimum: 200,
      maximum: 599,
      examples: [200],
    }),
    body: Type.Optional(
      Type.String({ description: 'Body of the answer.', maxLength: 4096, default: '', examples: ['ok'] }),
    ),
    headers: Type.Optional(
      HeaderMap({ description: 'Headers of the answer.', default: {} }, 'weir-substitution'),
    ),
  },
  { additionalProperties: false, description: 'Answers itself instead of forwarding.' },
)

export type Respond = Static<typeof Respond>

/** Statuses whose answers have no content (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5). */
const withoutContent = [204, 205, 304]

export function respondProblems(respond: Respond | undefined, pointer: string): Problem[] {
  const headers = Object.keys(respond?.headers ?? {}).flatMap((name) =>
    untouchableProblem(name, `${pointer}/headers/${name}`),
  )
  if (respond === undefined || !withoutContent.includes(respond.status) || (respond.body ?? '') === '')
    return headers
  const message = `an answer of ${respond.status} has no body`
  return [
    ...headers,
    { pointer: `${pointer}/body`, message, remedy: 'remove it, or answer with another status' },
  ]
}

export const Mirror = Type.Object(
  {
    cluster: Name({
      description: 'Cluster that gets a copy, whose answer nobody waits for.',
      examples: ['users-v2'],
    }),
    percent: Type.Optional(
      Type.Number({
        description: 'Share of the requests that are copied.',
        minimum: 0,
        maximum: 100,
        default: 100,
        examples: [5],
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'Copies requests to another cluster. Without it none is copied.',
  },
)

export type Mirror = Static<typeof Mirror>

export const Rewrite = Type.Object(
  {
    prefix: Type.Optional(
      path('What the matched prefix, or the whole path of exact and regex matches, becomes.'),
    ),
    regex: Type.Optional(
      Type.String({
        description: 'RE2 expression of what is replaced in the path.',
        format: 'weir-regex',
        minLength: 1,
        maxLength: 1024,
        remedy: 'write an RE2 expression (no look-around, no back-references)',
        examples: ['^/v[0-9]+/(.*)$'],
      }),
    ),
    substitution: Type.Optional(
      Type.String({
        description: 'What it becomes; \\1 is the first group. Left out with prefix.',
        pattern: '^[^?#\\s\\u0000-\\u001f\\u007f]*$',
        remedy: 'write a path without a query; \\1 is the first group',
        maxLength: 1024,
        examples: ['/\\1'],
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Changes the path before it is forwarded, by exactly one of prefix, regex. Without it the path stays.',
  },
)

export type Rewrite = Static<typeof Rewrite>

export function rewriteProblems(rewrite: Rewrite | undefined, pointer: string): Problem[] {
  if (rewrite === undefined) return []
  const problems = oneOf(rewrite, pointer, ['prefix', 'regex'])
  const { regex, substitution } = rewrite
  if (regex === undefined && substitution === undefined) return problems
  if (regex === undefined || substitution === undefined) {
    const message = 'regex and substitution belong together'
    return [...problems, { pointer, message, remedy: 'write both, or prefix alone' }]
  }
  const problem = groupProblem(regex, substitution)
  if (problem === undefined) return problems
  const remedy = 'write \\1 to \\9 for groups of the expression, \\0 for all of it'
  return [...problems, { pointer: `${pointer}/substitution`, message: `the substitution ${problem}`, remedy }]
}
