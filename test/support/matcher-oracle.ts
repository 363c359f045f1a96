import { RE2JS } from 're2js'
import type { RouteSpec } from '../../src/model/route-spec.ts'

/** What of a route decides which requests it takes. */
export interface MatchedRoute {
  name: string
  spec: Pick<RouteSpec, 'gateways' | 'hosts' | 'priority' | 'match'>
}

export interface AskedRequest {
  /** As the client writes it, with a port where it writes one. */
  host: string
  method: string
  /** In Envoy's normal form, with the query. */
  path: string
  /** One pair for each header line. */
  headers: readonly (readonly [name: string, value: string])[]
  cookies: readonly (readonly [name: string, value: string])[]
}

type Matcher = NonNullable<RouteSpec['match']['headers']>[number]

/**
 * The name of the route that takes a request, as docs/routing.md tells it. It is written from that page alone and looks
 * at every route anew, so that what is compiled for Envoy has something to be compared with.
 */
export function match(
  routes: readonly MatchedRoute[],
  gateway: string,
  listener: string,
  request: AskedRequest,
): string | undefined {
  const here = routes.filter(({ spec }) => isInForce(spec.gateways, gateway, listener))
  for (const host of hostsFor(request.host)) {
    const taking = here.filter(
      ({ spec }) => (spec.hosts ?? ['*']).includes(host) && takes(spec.match, request),
    )
    if (taking.length > 0) return taking.sort(before)[0]!.name
  }
  return undefined
}

function isInForce(gateways: readonly string[], gateway: string, listener: string): boolean {
  return gateways.includes(gateway) || gateways.includes(`${gateway}/${listener}`)
}

/** What a route's `hosts` may say of a request's host, the most specific first. */
function hostsFor(host: string): string[] {
  const name = host.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '')
  const labels = name.split('.')
  const wildcards = labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`)
  return [name, ...wildcards, '*']
}

function takes(match: RouteSpec['match'], request: AskedRequest): boolean {
  const [path, query] = split(request.path, '?')
  const { headers = [], query: parameters = [], cookies = [] } = match
  return (
    takesPath(match.path, path) &&
    (match.methods === undefined || match.methods.includes(request.method)) &&
    headers.every((matcher) => holds(matcher, linesOf(request, matcher.name))) &&
    parameters.every((matcher) => holds(matcher, firstOf(parametersOf(query), matcher.name))) &&
    cookies.every((matcher) => holds(matcher, firstOf(request.cookies, matcher.name)))
  )
}

function takesPath({ exact, prefix, regex }: RouteSpec['match']['path'], path: string): boolean {
  if (exact !== undefined) return path === exact
  if (regex !== undefined) return matchesWhole(regex, path)
  const segments = withoutSlash(prefix!)
  return path === segments || path.startsWith(`${segments}/`)
}

function withoutSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix
}

function linesOf({ headers }: AskedRequest, name: string): string[] {
  return headers.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
}

function parametersOf(query: string | undefined): (readonly [string, string])[] {
  return (query ?? '').split('&').map((parameter) => {
    const [name, value] = split(parameter, '=')
    return [name, value ?? '']
  })
}

function firstOf(values: AskedRequest['cookies'], name: string): string[] {
  return values
    .filter(([each]) => each === name)
    .map(([, value]) => value)
    .slice(0, 1)
}

/** One of the values must meet the condition; inverted, none may. What is missing has no value. */
function holds(matcher: Matcher, values: readonly string[]): boolean {
  return values.some((value) => condition(matcher, value)) !== (matcher.invert ?? false)
}

function condition({ exact, prefix, suffix, contains, regex }: Matcher, value: string): boolean {
  if (exact !== undefined) return value === exact
  if (prefix !== undefined) return value.startsWith(prefix)
  if (suffix !== undefined) return value.endsWith(suffix)
  if (contains !== undefined) return value.includes(contains)
  if (regex !== undefined) return matchesWhole(regex, value)
  return true // `present`
}

/** Among the routes of a host that take a request: the one to be preferred first. */
function before(a: MatchedRoute, b: MatchedRoute): number {
  const [left, right] = [rank(a), rank(b)]
  const at = left.findIndex((value, index) => value !== right[index])
  if (at >= 0) return right[at]! - left[at]!
  return a.name < b.name ? -1 : 1
}

function rank({ spec: { priority = 0, match } }: MatchedRoute): number[] {
  const { exact, prefix } = match.path
  return [
    priority,
    exact !== undefined ? 2 : prefix !== undefined ? 1 : 0,
    prefix !== undefined ? withoutSlash(prefix).length : 0,
    match.methods !== undefined ? 1 : 0,
    match.headers?.length ?? 0,
    match.query?.length ?? 0,
  ]
}

const expressions = new Map<string, RE2JS>()

function matchesWhole(expression: string, text: string): boolean {
  const known = expressions.get(expression) ?? RE2JS.compile(expression)
  expressions.set(expression, known)
  return known.matches(text)
}

/** At the first `separator`; without one there is no second part. */
function split(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)]
}
