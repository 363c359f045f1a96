import { RE2JS } from 're2js'
import type { Message } from '../envoy-api/types.ts'
import type { AskedRequest } from './asked-request.ts'

/**
 * Whether an Envoy route takes a request, by its `match` as weir compiles it (Envoy docs: RouteMatch): all conditions
 * must hold. It is read as Envoy reads it, so that what is said of a route is said of what Envoy has.
 */
export function takes(match: Message, request: AskedRequest): boolean {
  const at = request.path.indexOf('?')
  const path = at < 0 ? request.path : request.path.slice(0, at)
  const query = at < 0 ? '' : request.path.slice(at + 1)
  // What a filter finds out is not there when a route is looked for first.
  return (
    match.dynamic_metadata === undefined &&
    takesPath(match, path) &&
    list(match.headers).every((matcher) => headerHolds(matcher, request)) &&
    list(match.query_parameters).every((matcher) => holds(matcher, firstOf(parameters(query), matcher))) &&
    list(match['.envoy.config.route.v3.cookies']).every((matcher) =>
      holds(matcher, firstOf(cookies(request), matcher)),
    )
  )
}

function list(messages: unknown): readonly Message[] {
  return (messages as Message[] | undefined) ?? []
}

function takesPath({ path, prefix, path_separated_prefix: segments, safe_regex }: Message, asked: string) {
  if (safe_regex !== undefined) return matchesWhole(safe_regex as Message, asked)
  if (path !== undefined) return asked === path
  if (prefix !== undefined) return asked.startsWith(prefix as string)
  return asked === segments || asked.startsWith(`${segments as string}/`)
}

/** Of several lines of a header one must fulfil the condition, and inverted none may. */
function headerHolds(matcher: Message, { headers }: AskedRequest): boolean {
  const lines = headers.get(matcher.name as string) ?? []
  const { treat_missing_header_as_empty: emptyIfMissing = false } = matcher
  return holds(matcher, lines.length === 0 && emptyIfMissing === true ? [''] : lines)
}

function holds(matcher: Message, values: readonly string[]): boolean {
  const { present_match, string_match, invert_match = false } = matcher
  const met = (value: string) => present_match === true || stringMatches(string_match as Message, value)
  return values.some(met) !== invert_match
}

function stringMatches({ exact, prefix, suffix, contains, safe_regex }: Message, value: string): boolean {
  if (exact !== undefined) return value === exact
  if (prefix !== undefined) return value.startsWith(prefix as string)
  if (suffix !== undefined) return value.endsWith(suffix as string)
  if (contains !== undefined) return value.includes(contains as string)
  return matchesWhole(safe_regex as Message, value)
}

const expressions = new WeakMap<Message, RE2JS>()

/** To Envoy's expressions each byte is a character. */
function matchesWhole(message: Message, text: string): boolean {
  const expression = expressions.get(message) ?? RE2JS.compile(message.regex as string)
  expressions.set(message, expression)
  return expression.matches(Buffer.from(text, 'utf8').toString('latin1'))
}

type Pair = readonly [name: string, value: string]

function firstOf(pairs: readonly Pair[], { name }: Message): string[] {
  const first = pairs.find((pair) => pair[0] === name)
  return first === undefined ? [] : [first[1]]
}

/** As they are written: Envoy decodes none to match them. */
function parameters(query: string): Pair[] {
  return query.split('&').map((each) => pairOf(each) ?? [each, ''])
}

function cookies({ headers }: AskedRequest): Pair[] {
  const each = (headers.get('cookie') ?? []).flatMap((line) => line.split(';'))
  return each.flatMap((text) => {
    const pair = pairOf(text.replace(/^ +/, ''))
    return pair === undefined ? [] : [[pair[0], pair[1].replace(/^"(.*)"$/, '$1')] as const]
  })
}

function pairOf(text: string): Pair | undefined {
  const equals = text.indexOf('=')
  return equals < 0 ? undefined : [text.slice(0, equals), text.slice(equals + 1)]
}
