import { RE2JS } from 're2js'
import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import { cookieNamePattern, cookieNameRemedy } from './cookie-name.ts'
import { HttpMethod } from './http-method.ts'
import { type Matcher, Matchers, matcherProblems } from './matcher.ts'
import { oneOf } from './one-of.ts'
import { pathPattern } from './path.ts'

const pathRemedy = 'write a path that starts with "/" and has no query, for example /api/v1'

export const RoutePath = Type.Object(
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
    path: RoutePath,
    methods: Type.Optional(
      Type.Array(HttpMethod(), {
        description: 'Methods that match. Without any every request matches.',
        maxItems: 16,
        uniqueItems: true,
        default: [],
      }),
    ),
    headers: Matchers({
      what: 'header',
      description: 'Conditions on headers. Without any every request matches.',
      pattern: "^[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,256}$",
      remedy: 'write a header name, for example x-api-version',
      example: 'x-api-version',
    }),
    query: Matchers({
      what: 'query parameter',
      description:
        'Conditions on query parameters, as written in the URL; the first of a name counts. Without any every request matches.',
      pattern: '^[^&=?#\\s\\u0000-\\u001f\\u007f]{1,256}$',
      remedy: 'write a name without "&", "=", "?", "#" and spaces',
      example: 'version',
    }),
    cookies: Matchers({
      what: 'cookie',
      description: 'Conditions on cookies. Without any every request matches.',
      pattern: cookieNamePattern,
      remedy: cookieNameRemedy,
      example: 'session',
    }),
  },
  { additionalProperties: false, description: 'Which requests the route takes.' },
)

export type RouteMatch = Static<typeof RouteMatch>

export function routeMatchProblems(match: RouteMatch, pointer: string): Problem[] {
  return [
    ...oneOf(match.path, `${pointer}/path`, ['prefix', 'exact', 'regex']),
    ...regexesOfNoPath(match.path.regex, `${pointer}/path/regex`),
    ...matcherProblems(match.headers, `${pointer}/headers`),
    ...invertedEmptiness(match.headers, `${pointer}/headers`),
    ...matcherProblems(match.query, `${pointer}/query`),
    ...wordsOfNoUrl(match.query, `${pointer}/query`),
    ...invertedRegexes(match.query, `${pointer}/query`),
    ...matcherProblems(match.cookies, `${pointer}/cookies`),
  ]
}

/** Envoy inverts no conditions on query parameters; the others can be turned into conditions on the whole path. */
function invertedRegexes(query: readonly Matcher[] | undefined, pointer: string): Problem[] {
  return (query ?? []).flatMap(({ regex, invert }, index) => {
    if (regex === undefined || invert !== true) return []
    const message = 'a regex on a query parameter cannot be inverted in Envoy'
    const remedy =
      'write a regex of what may be, or send what matches elsewhere by a route of higher priority'
    return [{ pointer: `${pointer}/${index}/invert`, message, remedy }]
  })
}

/** For Envoy a header that is not there can count as empty, or no inverted condition holds; so it cannot be told apart. */
function invertedEmptiness(headers: readonly Matcher[] | undefined, pointer: string): Problem[] {
  return (headers ?? []).flatMap(({ exact, regex, invert }, index) => {
    const holdsForEmpty = exact === '' || (regex !== undefined && RE2JS.matches(regex, ''))
    if (invert !== true || !holdsForEmpty) return []
    const message = 'an empty header and none cannot be told apart by an inverted condition'
    const remedy = 'write present: true with invert, or a condition that the empty text does not fulfil'
    return [{ pointer: `${pointer}/${index}/invert`, message, remedy }]
  })
}

/** Every path begins with a slash, so that an expression that begins with another plain character takes none. */
function regexesOfNoPath(regex: string | undefined, pointer: string): Problem[] {
  if (regex === undefined || regex.includes('|') || !/^\^?[a-zA-Z0-9_-](?![?*{])/.test(regex)) return []
  const message = 'the expression takes no path, since every path begins with "/"'
  return [
    { pointer, message, remedy: `write /${regex.replace(/^\^/, '')}, or .*${regex.replace(/^\^/, '')}` },
  ]
}

/** Query parameters are compared as they are written in a URL, which has none of these characters (RFC 3986, section 3.4). */
function wordsOfNoUrl(query: readonly Matcher[] | undefined, pointer: string): Problem[] {
  return (query ?? []).flatMap((matcher, index) =>
    (['name', 'exact', 'prefix', 'suffix', 'contains'] as const).flatMap((field) => {
      const text = matcher[field]
      if (text === undefined || /^[!-"$-~]*$/.test(text)) return []
      const message = `"${text}" is not as a URL has it`
      return [
        { pointer: `${pointer}/${index}/${field}`, message, remedy: `write ${encodeURIComponent(text)}` },
      ]
    }),
  )
}
