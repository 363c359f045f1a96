import { groupByKeys } from './by-keys.ts'
import type { Document } from './document.ts'
import { effective } from './effective.ts'
import { parseGatewayReference } from './gateway-reference.ts'
import type { Matcher } from './matcher.ts'
import type { Warning } from './pending.ts'
import type { RouteMatch } from './route-match.ts'
import { compareRoutes } from './route-order.ts'
import { anchor, segments } from './route-path.ts'
import { type EffectiveRoute, RouteSpec } from './route-spec.ts'
import { all, type State, type StoredObject } from './state.ts'

interface Placed {
  readonly name: string
  readonly owner: string | undefined
  readonly spec: EffectiveRoute
  /** Where it is found: its places, each with its path. */
  readonly keys: readonly string[]
  /** For each of its places where those are found whose path covers its own. */
  readonly coveredBy: readonly (readonly string[])[]
}

/** One route that stands in another's way, on the same hosts. */
interface Shadow {
  readonly route: Placed
  readonly other: Placed
  /** `all`: nothing is left for `route`. `some`: teams of two owners share a path, and the order decides. */
  readonly takes: 'all' | 'some'
}

/**
 * What a writer of the route should know of routes that stand in each other's way, whichever of the two was written. Only what is certain is told: a route that no single other one covers may still never match.
 */
export function shadowWarnings(state: State, name: string): Warning[] {
  return shadowsOf(state)
    .filter(({ route, other }) => route.name === name || other.name === name)
    .map(warning)
}

function warning({ route, other, takes }: Shadow): Warning {
  const subject = { kind: 'Route', name: route.name, pointer: '/spec/match' }
  if (takes === 'all') {
    const message = `can never match: Route/${other.name} is tried before it and takes all its requests`
    return { ...subject, message, effect: 'the route does nothing' }
  }
  const message = `has the path of Route/${other.name}, which belongs to ${other.owner ?? 'another owner'}`
  return { ...subject, message, effect: `Route/${other.name} is tried first` }
}

const known = new WeakMap<ReadonlyMap<string, StoredObject>, readonly Shadow[]>()

/** Looked for once for all states that have the same routes. */
function shadowsOf(state: State): readonly Shadow[] {
  const routes = state.objects.get('Route')
  if (routes === undefined) return []
  const found = known.get(routes) ?? findShadows(state)
  known.set(routes, found)
  return found
}

function findShadows(state: State): Shadow[] {
  const routes = all(state, 'Route').map(({ document }) => placed(document))
  const index = groupByKeys(routes, ({ keys }) => keys)
  return routes.flatMap((route) => shadowsOfRoute(route, index))
}

const placedRoutes = new WeakMap<Document, Placed>()

/** Documents never change, so that a write costs the working out of those that it brings. */
function placed(document: Document): Placed {
  const known = placedRoutes.get(document)
  if (known !== undefined) return known
  const { name, owner } = document
  const spec = effective<EffectiveRoute>(RouteSpec, document.spec)
  const places = spec.gateways.flatMap((reference) => spec.hosts.map((host) => ({ reference, host })))
  const paths = coveringPaths(spec.match.path)
  const made = {
    ...{ name, owner, spec },
    keys: places.map(({ reference, host }) => `${reference} ${host} ${pathKey(spec.match.path)}`),
    coveredBy: places.map(({ reference, host }) =>
      covering(reference, host).flatMap((place) => paths.map((path) => `${place} ${path}`)),
    ),
  }
  placedRoutes.set(document, made)
  return made
}

/** The places that cover one: a route for the whole gateway is on each of its listeners. */
function covering(reference: string, host: string): string[] {
  const { gateway, listener } = parseGatewayReference(reference)
  const whole = `${gateway} ${host}`
  return listener === undefined ? [whole] : [whole, `${reference} ${host}`]
}

function shadowsOfRoute(route: Placed, index: ReadonlyMap<string, Placed[]>): Shadow[] {
  const perPlace = route.coveredBy.map((keys) => keys.flatMap((key) => index.get(key) ?? []))
  const before = perPlace.map((others) => others.filter((other) => compareRoutes(other, route) < 0))
  const covers = before.map((others) => others.find(({ spec }) => isWider(spec.match, route.spec.match)))
  if (covers.every((other) => other !== undefined)) return [{ route, other: covers[0]!, takes: 'all' }]
  const shared = before.flat().find((other) => isOthers(other, route) && hasSamePath(other, route))
  return shared === undefined ? [] : [{ route, other: shared, takes: 'some' }]
}

function isOthers(other: Placed, route: Placed): boolean {
  return other.owner !== undefined && route.owner !== undefined && other.owner !== route.owner
}

function hasSamePath(other: Placed, route: Placed): boolean {
  const [a, b] = [other.spec.match, route.spec.match]
  return pathKey(a.path) === pathKey(b.path) && shareMethods(a.methods, b.methods)
}

function shareMethods(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === 0 || b.length === 0 || a.some((method) => b.includes(method))
}

function pathKey({ exact, prefix, regex }: RouteMatch['path']): string {
  if (exact !== undefined) return `exact ${exact}`
  return regex !== undefined ? `regex ${regex}` : `prefix ${segments(prefix)}`
}

/** Keys of the paths that take all that a path takes: itself, and every prefix of whole segments. */
function coveringPaths(path: RouteMatch['path']): string[] {
  const start = anchor(path)
  // A regex goes on after its beginning, which may end within a segment.
  const whole = path.regex === undefined ? [start] : []
  const cuts = [...start].flatMap((character, at) => (character === '/' ? [start.slice(0, at)] : []))
  const prefixes = [...new Set([...whole, ...cuts, ''])].map((prefix) => `prefix ${segments(prefix)}`)
  return [...new Set([pathKey(path), ...prefixes])]
}

/** Whether all that fulfils the conditions of `narrow` fulfils those of `wide`, which covers its path. */
function isWider(wide: RouteMatch, narrow: RouteMatch): boolean {
  const lists = ['headers', 'query', 'cookies'] as const
  return (
    takesMethods(wide.methods, narrow.methods) &&
    lists.every((list) => areAmong(wide[list] ?? [], narrow[list] ?? []))
  )
}

/** No methods mean all of them. */
function takesMethods(wide: readonly string[] = [], narrow: readonly string[] = []): boolean {
  return wide.length === 0 || (narrow.length > 0 && narrow.every((method) => wide.includes(method)))
}

function areAmong(conditions: readonly Matcher[], all: readonly Matcher[]): boolean {
  return conditions.every((condition) => all.some((other) => sameCondition(condition, other)))
}

function sameCondition(a: Matcher, b: Matcher): boolean {
  const keys = ['name', 'exact', 'prefix', 'suffix', 'contains', 'regex', 'present'] as const
  return keys.every((key) => a[key] === b[key]) && (a.invert ?? false) === (b.invert ?? false)
}
