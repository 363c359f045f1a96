import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import { Matchers, matcherProblems } from './matcher.ts'
import { oneOf } from './one-of.ts'

/** A condition that Envoy does not get would make the route take more than it should. */
const leftOut = 'the route is left out, since it would take more requests than it should'

const pathPattern = '^/[^?#\\s\\u0000-\\u001f\\u007f]*$'
const pathRemedy = 'write a path that starts with "/" and has no query, for example /api/v1'

const Path = Type.Object(
  {
    prefix: Type.Optional(
      Type.String({
        description: 'Path prefix, matched by whole segments: /fly matches /fly and /fly/x, not /flyer.',
        pattern: pathPattern,
        format: 'weir-path',
        maxLength: 2048,
        remedy: pathRemedy,
        examples: ['/api/v1'],
      }),
    ),
    exact: Type.Optional(
      Type.String({
        description: 'The whole path.',
        pattern: pathPattern,
        format: 'weir-path',
        maxLength: 2048,
        remedy: pathRemedy,
        examples: ['/status'],
      }),
    ),
    regex: Type.Optional(
      Type.String({
        description: 'RE2 expression that the whole path must match, case-sensitive.',
        format: 'weir-regex',
        minLength: 1,
        maxLength: 1024,
        remedy: 'write an RE2 expression (no look-around, no back-references)',
        examples: ['/orders/[0-9]+'],
      }),
    ),
  },
  { additionalProperties: false, description: 'Which paths match, by exactly one of prefix, exact, regex.' },
)

/** Which requests a route takes: all conditions must hold. */
export const RouteMatch = Type.Object(
  {
    path: Path,
    methods: Type.Optional(
      Type.Array(
        Type.String({
          description: 'An HTTP method.',
          pattern: '^[A-Z]{1,32}$',
          maxLength: 32,
          remedy: 'write a method in upper case, for example GET',
          examples: ['GET'],
        }),
        {
          description: 'Methods that match; all if left out.',
          minItems: 1,
          maxItems: 16,
          uniqueItems: true,
          pending: leftOut,
        },
      ),
    ),
    headers: Matchers({
      what: 'header',
      description: 'Conditions on headers. Without any every request matches.',
      pending: leftOut,
    }),
    query: Matchers({
      what: 'query parameter',
      description: 'Conditions on query parameters. Without any every request matches.',
      pending: leftOut,
    }),
    cookies: Matchers({
      what: 'cookie',
      description: 'Conditions on cookies. Without any every request matches.',
      pending: leftOut,
    }),
  },
  { additionalProperties: false, description: 'Which requests the route takes.' },
)

export type RouteMatch = Static<typeof RouteMatch>

export function routeMatchProblems(match: RouteMatch, pointer: string): Problem[] {
  return [
    ...oneOf(match.path, `${pointer}/path`, ['prefix', 'exact', 'regex']),
    ...matcherProblems(match.headers, `${pointer}/headers`),
    ...matcherProblems(match.query, `${pointer}/query`),
    ...matcherProblems(match.cookies, `${pointer}/cookies`),
  ]
}
