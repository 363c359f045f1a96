import fc from 'fast-check'
import type { RouteSpec } from '../../src/model/route-spec.ts'
import type { MatchedRoute } from './matcher-oracle.ts'

export type Matcher = NonNullable<RouteSpec['match']['headers']>[number]

/** Few words, so that routes overlap; some mean something in a regex, in a query, or to somebody who forgets the case. */
export const segments = ['a', 'b', 'ab', 'A', 'v1', 'a.b', 'a+b', '(a)', 'a;x=1', 'a%20b', '$', '~a']

export const values = [
  '',
  '1',
  '2',
  '12',
  '1,2',
  '1.2',
  '1x2',
  'a',
  'A',
  'a*',
  '(a',
  '[a]',
  '%41',
  'a|b',
  '\\d',
]

export const names = {
  headers: ['x-a', 'x-b', 'x-c'],
  query: ['q', 'r', 'q[]', '%71', 'a.b'],
  cookies: ['s', 't', 'a.b'],
}

export const hosts = [
  ...['*', '*.example', '*.a.example', '*.b.a.example', '*.shop-a.test', '*.test'],
  ...[
    'example',
    'a.example',
    'b.a.example',
    'c.b.a.example',
    'shop-a.test',
    'localhost',
    '[::1]',
    '127.0.0.1',
  ],
]

/** Expressions of paths, each with paths that it takes: alternatives, optional parts, flags, or no path at all. */
export const pathExpressions: Readonly<Record<string, readonly string[]>> = {
  '/a|/b': ['/a', '/b'],
  '/.*': ['/', '/a', '/a/b', '/v1/a/b'],
  '/a/[^/]+': ['/a/b', '/a/ab', '/a/v1'],
  '/[ab]+': ['/a', '/b', '/ab', '/ba'],
  '/v[0-9]+(/.*)?': ['/v1', '/v1/a', '/v22/'],
  '(?i)/a/?': ['/a', '/A', '/A/'],
  '/(a|ab)/?b': ['/a/b', '/ab', '/ab/b'],
  '.*b': ['/b', '/a/b', '/ab'],
  '/a\\.b': ['/a.b'],
  '[a]/b': [],
}

/** Expressions of values, likewise. */
export const valueExpressions: Readonly<Record<string, readonly string[]>> = {
  '1|2': ['1', '2'],
  '[0-9]+': ['1', '12'],
  '.*': ['', 'a', '1,2'],
  '1.2': ['1,2', '1.2', '1x2'],
  '(?i)a': ['a', 'A'],
  'a?': ['', 'a'],
}

const gateways = ['edge', 'edge/one', 'edge/two', 'other', 'other/main']

/** The listeners that those gateways have. */
export const places = [
  { gateway: 'edge', listener: 'one' },
  { gateway: 'edge', listener: 'two' },
  { gateway: 'other', listener: 'main' },
] as const

/** So many routes with unlike names. `wide` spreads them over more paths and fewer hosts. */
export function arbitraryRoutes(count: number, wide = false): fc.Arbitrary<MatchedRoute[]> {
  const route = fc.record({
    word: fc.constantFrom('a', 'b', 'c', 'route', 'z'),
    separator: fc.constantFrom('', '-', '.'),
    spec: arbitrarySpec(wide),
  })
  return fc
    .array(route, { minLength: count, maxLength: count })
    .map((list) =>
      list.map(({ word, separator, spec }, index) => ({ name: `${word}${separator}${index}`, spec })),
    )
}

function arbitrarySpec(wide: boolean): fc.Arbitrary<MatchedRoute['spec']> {
  const someHosts: fc.Arbitrary<string[]> = wide
    ? fc.constantFrom(['*'], ['*.example'], ['*.example', 'a.example'])
    : subset(hosts, 3)
  return fc
    .record({
      gateways: rarely<string[], string[]>(fc.constant(['edge', 'other']), subset(gateways, 2)),
      hosts: rarely(undefinedValue, someHosts, 3),
      priority: rarely(undefinedValue, fc.constantFrom(-1, 0, 1, 5)),
      match: arbitraryMatch(wide),
    })
    .map((spec) => withoutUndefined(spec))
}

function arbitraryMatch(wide: boolean): fc.Arbitrary<RouteSpec['match']> {
  return fc
    .record({
      path: arbitraryPath(wide),
      methods: rarely(undefinedValue, subset(['GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE'], 3), 2),
      headers: rarely(undefinedValue, matchers(names.headers), 2),
      query: rarely(
        undefinedValue,
        matchers(names.query, ({ regex }) => regex !== undefined),
        2,
      ),
      cookies: rarely(undefinedValue, matchers(names.cookies), 2),
    })
    .map((match) => withoutUndefined(match))
}

function arbitraryPath(wide: boolean): fc.Arbitrary<RouteSpec['match']['path']> {
  const words = wide ? [...segments, ...Array.from({ length: 25 }, (_, index) => `s${index}`)] : segments
  // Half of the words are two, so that many paths lie below others.
  const word = rarely(fc.constantFrom('a', 'b'), fc.constantFrom(...words), wide ? 16 : 4)
  const path = fc
    .tuple(fc.array(word, { maxLength: 3 }), fc.constantFrom('', '', '/'))
    .map(([list, end]) => (list.length === 0 ? '/' : `/${list.join('/')}${end}`))
  const kinds = fc.oneof<fc.MaybeWeightedArbitrary<RouteSpec['match']['path']>[]>(
    { weight: 10, arbitrary: path.map((prefix) => ({ prefix })) },
    { weight: 10, arbitrary: path.map((exact) => ({ exact })) },
    {
      weight: wide ? 1 : 10,
      arbitrary: fc.constantFrom(...Object.keys(pathExpressions)).map((regex) => ({ regex })),
    },
  )
  // Short lists are what fast-check likes, and a "/" takes all that others might have had.
  return fc.noBias(kinds).filter(({ prefix }) => prefix !== '/')
}

function matchers(of: readonly string[], refused = (_: Matcher) => false): fc.Arbitrary<Matcher[]> {
  const some = fc.constantFrom(...values.filter((value) => value !== ''))
  const condition = fc.oneof<fc.Arbitrary<Omit<Matcher, 'name'>>[]>(
    fc.constantFrom(...values).map((exact) => ({ exact })),
    some.map((prefix) => ({ prefix })),
    some.map((suffix) => ({ suffix })),
    some.map((contains) => ({ contains })),
    fc.constantFrom(...Object.keys(valueExpressions)).map((regex) => ({ regex })),
    fc.constant({ present: true }),
  )
  const matcher = fc
    .record({ name: fc.constantFrom(...of), condition, invert: rarely(undefinedValue, fc.boolean()) })
    .map(({ name, condition, invert }) => withoutUndefined({ name, ...condition, invert }) as Matcher)
    .filter((each) => each.invert !== true || !(takesEmpty(each) || refused(each)))
  return fc.array(matcher, { minLength: 1, maxLength: 2 })
}

/** Envoy cannot tell what is empty from what is missing there, so weir refuses it inverted. */
function takesEmpty({ exact, regex }: Matcher): boolean {
  return exact === '' || (regex !== undefined && valueExpressions[regex]!.includes(''))
}

const undefinedValue = fc.constant(undefined)

/** Once in `often` the other one. */
export function rarely<A, B>(usual: fc.Arbitrary<A>, other: fc.Arbitrary<B>, often = 1): fc.Arbitrary<A | B> {
  return fc.oneof({ weight: 4, arbitrary: usual }, { weight: often, arbitrary: other })
}

function subset<T>(all: readonly T[], maxLength: number): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...all], { minLength: 1, maxLength })
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

function withoutUndefined<T extends object>(object: T): Defined<T> {
  const kept = Object.entries(object).filter(([, value]) => value !== undefined)
  return Object.fromEntries(kept) as Defined<T>
}
