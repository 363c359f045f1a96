import { newer } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { Matcher } from '../../model/matcher.ts'
import type { RouteMatch } from '../../model/route-match.ts'
import { segments } from '../../model/route-path.ts'
import { anyOf, headerMatch, stringMatch } from '../../policies/header-match.ts'
import { parameterRegex } from './parameter-regex.ts'

/** Which requests a route takes (Envoy docs: RouteMatch). All conditions must hold. */
export function routeMatch({
  path,
  methods = [],
  headers = [],
  query = [],
  cookies = [],
}: RouteMatch): Message {
  const inverted = query.filter(({ invert }) => invert === true).flatMap(withoutParameter)
  const all = [...methodMatch(methods), ...headers.map(headerMatch), ...inverted]
  const parameters = query.filter(({ invert }) => invert !== true).map(parameterMatch)
  return {
    ...pathMatch(path),
    ...(all.length > 0 && { headers: all }),
    ...(parameters.length > 0 && { query_parameters: parameters }),
    ...(cookies.length > 0 && newer('envoy.config.route.v3', { cookies: cookies.map(cookieMatch) })),
  }
}

export function pathMatch({ exact, prefix, regex }: RouteMatch['path']): Message {
  if (exact !== undefined) return { path: exact }
  if (regex !== undefined) return { safe_regex: { regex } }
  const whole = segments(prefix)
  return whole === '' ? { prefix: '/' } : { path_separated_prefix: whole }
}

function methodMatch(methods: readonly string[]): Message[] {
  if (methods.length === 0) return []
  return [{ name: ':method', string_match: anyOf(methods) }]
}

function parameterMatch(matcher: Matcher): Message {
  const { name } = matcher
  return matcher.present === true
    ? { name, present_match: true }
    : { name, string_match: stringMatch(matcher) }
}

/** Envoy inverts conditions on headers, and the whole path with its query is one. */
function withoutParameter(matcher: Matcher): Message[] {
  const regex = parameterRegex(matcher)
  if (regex === undefined) return []
  return [{ name: ':path', string_match: { safe_regex: { regex } }, invert_match: true }]
}

function cookieMatch(matcher: Matcher): Message {
  const { name, present, invert } = matcher
  const string_match = present === true ? { safe_regex: { regex: '.*' } } : stringMatch(matcher)
  return { name, string_match, ...(invert === true && { invert_match: true }) }
}
