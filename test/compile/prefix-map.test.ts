import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { RE2JS } from 're2js'
import { longList, prefixMap } from '../../src/compile/routing/prefix-map.ts'
import type { RouteMatch } from '../../src/model/route-match.ts'

type Path = RouteMatch['path']
const routeOf = (path: Path) => ({ route: { spec: { match: { path } } } })

const segment = fc.constantFrom('a', 'b', 'ab', 'api', 'v1', 'v2', 'orders', 'order', '0', '01')
const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`)
const pathMatch: fc.Arbitrary<Path> = fc.oneof(
  { weight: 5, arbitrary: path.map((prefix) => ({ prefix })) },
  { weight: 3, arbitrary: path.map((exact) => ({ exact })) },
  { weight: 1, arbitrary: fc.constantFrom('a/.*', 'pi/v1', '[/a].*', '.*', '').map((regex) => ({ regex })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(path, fc.constantFrom('', '/[0-9]+', '?', '*', '{0,2}', '/?.*', '|/b.*', '(/c)?', '.'))
      .map(([start, end]) => ({ regex: start + end })),
  },
)

/** As Envoy matches (Envoy docs: RouteMatch), written apart from compile. */
function takes({ exact, prefix, regex }: Path, path: string): boolean {
  if (exact !== undefined) return path === exact
  if (regex !== undefined) return RE2JS.matches(regex, path)
  const whole = prefix!.replace(/\/+$/, '')
  return path === whole || path.startsWith(`${whole}/`)
}

/** As Envoy looks up a `prefix_match_map`: the longest key only. */
function lookUp<R>(map: ReadonlyMap<string, R[]>, path: string): R[] {
  const keys = [...map.keys()].filter((key) => path.startsWith(key)).sort((a, b) => b.length - a.length)
  return keys.length === 0 ? [] : map.get(keys[0]!)!
}

describe('a map from beginnings of paths to routes', () => {
  test('meets the same route first as the whole list, for any path', () => {
    const lists = fc.array(pathMatch, { minLength: 1, maxLength: 600 })
    fc.assert(
      fc.property(lists, fc.array(path, { minLength: 20, maxLength: 60 }), (matches, paths) => {
        const routes = matches.map(routeOf)
        const map = prefixMap(routes)
        for (const each of [...paths, ...matches.flatMap(({ exact, prefix }) => exact ?? prefix ?? [])]) {
          const first = routes.find(({ route }) => takes(route.spec.match.path, each))
          assert.equal(
            lookUp(map, each).find(({ route }) => takes(route.spec.match.path, each)),
            first,
            each,
          )
        }
      }),
      { numRuns: 60 },
    )
  })

  test('an expression that takes no path takes none from others', () => {
    const apart = Array.from({ length: 20 }, (_, index) => routeOf({ regex: `xv${index}/.*` }))
    const victim = routeOf({ prefix: '/victim' })
    const others = Array.from({ length: 300 }, (_, index) => routeOf({ prefix: `/v${index}` }))
    const map = prefixMap([...others, ...apart, victim])
    assert.ok(lookUp(map, '/victim').includes(victim))
  })

  test('10,000 routes become lists of some hundred at most, and none is repeated', () => {
    const routes = Array.from({ length: 10_000 }, (_, index) => routeOf({ prefix: `/service-${index}` }))
    const lists = [...prefixMap(routes).values()]
    assert.ok(Math.max(...lists.map((list) => list.length)) <= 200)
    assert.ok(lists.flat().length <= 1.2 * routes.length, `${lists.flat().length}`)
  })

  test('what could match anywhere is repeated only where there is much more to split', () => {
    const wide = Array.from({ length: 300 }, (_, index) => routeOf({ regex: `.*/${index}` }))
    const deep = Array.from({ length: 2 * longList }, (_, index) => routeOf({ exact: `/e${index}` }))
    const total = [...prefixMap([...wide, ...deep]).values()].flat().length
    assert.ok(total <= 3 * (wide.length + deep.length), `${total}`)
  })
})
