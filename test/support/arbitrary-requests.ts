import fc from 'fast-check'
import {
  hosts,
  type Matcher,
  names,
  pathExpressions,
  places,
  rarely,
  segments,
  valueExpressions,
  values,
} from './arbitrary-routes.ts'
import type { AskedRequest, MatchedRoute } from './matcher-oracle.ts'

/** A request, and how it is sent. */
export type Request = AskedRequest & {
  /** The listener that it goes to. */
  place: (typeof places)[number]
  /** Whether each cookie has a header line of its own, as HTTP/2 clients write them. */
  cookieLines: boolean
}

type Pair = readonly [name: string, value: string | undefined]

/** Requests that come close to what the routes take, and now and then miss by a little. */
export function arbitraryRequests(routes: readonly MatchedRoute[], count: number): fc.Arbitrary<Request[]> {
  const byPath = Map.groupBy(routes, ({ spec }) => JSON.stringify(spec.match.path))
  const request = fc.constantFrom(...routes).chain((route) => {
    const rivals = fc.constantFrom(...byPath.get(JSON.stringify(route.spec.match.path))!)
    return rivals.chain((rival) => near(route.spec, rival.spec.match))
  })
  return fc.array(request, { minLength: count, maxLength: count })
}

/** What a route takes and a rival of it might take, too. */
function near(
  { hosts: named = ['*'], match }: MatchedRoute['spec'],
  rival: MatchedRoute['spec']['match'],
): fc.Arbitrary<Request> {
  const wanted = (list: 'query' | 'headers' | 'cookies') =>
    pairsNear(match === rival ? match[list] : [...(match[list] ?? []), ...(rival[list] ?? [])], names[list])
  const ofBoth = match.methods?.filter((method) => rival.methods?.includes(method) ?? true) ?? rival.methods
  return fc
    .record({
      place: fc.constantFrom(...places),
      host: fc.constantFrom(...named).chain((host) => rarely(hostBelow(host), hostBelow('*'))),
      method: rarely(fc.constantFrom(...(ofBoth?.length ? ofBoth : methods)), fc.constantFrom(...methods)),
      path: pathNear(match.path),
      query: wanted('query'),
      headers: wanted('headers'),
      cookies: wanted('cookies'),
      cookieLines: fc.boolean(),
      loneQuestionMark: rarely(fc.constant(''), fc.constant('?')),
    })
    .map(({ path, query, headers, cookies, loneQuestionMark, ...rest }) => ({
      ...rest,
      path: path + (query.length === 0 ? loneQuestionMark : `?${query.map(parameter).join('&')}`),
      headers: headers.map(([name, value = '']) => [name, value] as const),
      cookies: cookies.map(([name, value = '']) => [name, value] as const),
    }))
}

const methods = ['GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE', 'PATCH']

const parameter = ([name, value]: Pair) => (value === undefined ? name : `${name}=${value}`)

/** Hosts that nothing names besides those that something names, in the ways in which clients write them. */
function hostBelow(pattern: string): fc.Arbitrary<string> {
  const bare = pattern.replace('*.', '')
  const name =
    pattern === '*'
      ? fc.constantFrom(
          ...hosts.filter((host) => !host.startsWith('*')),
          'x.a.example',
          'xexample',
          'nowhere',
        )
      : pattern === bare
        ? fc.constant(bare)
        : fc.constantFrom(`x.${bare}`, `a.${bare}`, `y.x.${bare}`, bare, `x${bare}`)
  return name.chain((host) =>
    rarely(
      fc.constant(host),
      fc.constantFrom(
        host.toUpperCase(),
        `${host}:10443`,
        ...(/[\]\d]$/.test(host) ? [] : [`${host}.`, `${host}.:80`]),
      ),
    ),
  )
}

function pathNear(match: MatchedRoute['spec']['match']['path']): fc.Arbitrary<string> {
  const segment = fc.constantFrom(...segments)
  const { exact, prefix, regex } = match
  const hit =
    exact !== undefined
      ? fc.constant(exact)
      : prefix !== undefined
        ? rarely(
            fc.constant(prefix),
            segment.map((each) => joined(prefix, each)),
            4,
          )
        : fc.constantFrom('/', ...pathExpressions[regex!]!)
  return hit.chain((path) => rarely(fc.constant(path), missing(path, segment), 2))
}

/** Another path, or the same in a form that is not the normal one. */
function missing(path: string, segment: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .oneof(
      segment.map((each) => joined(path, each)),
      segment.map((each) => `/${each}${path}`),
      fc.constantFrom(
        ...[
          `${path}/`,
          path.slice(0, -1) || '/',
          `${path}x`,
          path.toUpperCase(),
          path.toLowerCase(),
          `${path};a=1`,
        ],
        ...[
          `/${path}`,
          `/.${path}`,
          `/x/..${path}`,
          `/..${path}`,
          `${path}/.`,
          path.replace(/(?<=.)\//g, '\\'),
        ],
        ...[
          path.replace('a', '%61'),
          path.replace('b', '%62'),
          path.replace(/(?<=.)\//, '%2f'),
          `${path}%5Ca`,
        ],
      ),
    )
    .map((each) => each.replace(/^\/\/+(?=.*\/\.)/, '/'))
}

const joined = (path: string, segment: string) => `${path.replace(/\/$/, '')}/${segment}`

/** What the matchers ask for, here and there one left out, with others between, in any order. */
function pairsNear(matchers: readonly Matcher[] | undefined, of: readonly string[]): fc.Arbitrary<Pair[]> {
  const wanted = (matchers ?? []).map((matcher) =>
    rarely(
      valueNear(matcher).map((value): Pair[] => [[matcher.name, value]]),
      fc.constant<Pair[]>([]),
      matcher.invert === true ? 4 : 1,
    ),
  )
  const other = fc.tuple(fc.constantFrom(...of), fc.constantFrom(undefined, ...values))
  const others = rarely(fc.constant<Pair[]>([]), fc.array(other, { minLength: 1, maxLength: 2 }))
  return fc
    .tuple(...wanted, others)
    .map((lists) => lists.flat())
    .chain((pairs) => fc.shuffledSubarray(pairs, { minLength: pairs.length }))
}

function valueNear(matcher: Matcher): fc.Arbitrary<string> {
  const { exact, prefix, suffix, contains, regex } = matcher
  const any = fc.constantFrom(...values)
  const hit =
    exact !== undefined
      ? fc.constant(exact)
      : prefix !== undefined
        ? any.map((value) => prefix + value)
        : suffix !== undefined
          ? any.map((value) => value + suffix)
          : contains !== undefined
            ? any.map((value) => `a${contains}${value}`)
            : fc.constantFrom('1', ...(valueExpressions[regex ?? ''] ?? values))
  return rarely(hit, any, matcher.invert === true ? 8 : 1)
}
