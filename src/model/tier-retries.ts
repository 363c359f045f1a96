import { groupByKeys } from './by-keys.ts'
import type { Document } from './document.ts'
import { effective } from './effective.ts'
import type { Warning } from './pending.ts'
import { retriesServed } from './retry.ts'
import { anchor } from './route-path.ts'
import { type EffectiveRoute, RouteSpec } from './route-spec.ts'
import { all, type State } from './state.ts'
import { forwardedTo, type Place, placesOf, targetOf } from './tier-places.ts'

interface Hop {
  readonly name: string
  readonly spec: EffectiveRoute
  /** How often it may send one request on. */
  readonly tries: number
}

/** The routes that one request may meet one after the other, and how often the last one may send it on in all. */
interface Way {
  readonly hops: readonly Hop[]
  readonly tries: number
}

/**
 * A warning where a route that retries forwards to a gateway whose routes retry, too, whichever of them was written: each
 * retry of the first is retried by the next, and the service gets the product.
 */
export function retryTierWarnings({ name }: Document, state: State): Warning[] {
  return multiplied(state)
    .filter(({ hops }) => hops.some((hop) => hop.name === name))
    .map(warning)
}

/** The same for every route that forwards to a cluster. */
export function retryTierWarningsOfCluster({ name }: Document, state: State): Warning[] {
  if (targetOf(state, name) === undefined) return []
  return multiplied(state)
    .filter(({ hops }) => hops.some(({ spec }) => forwardedTo(spec).some(({ cluster }) => cluster === name)))
    .map(warning)
}

function warning({ hops, tries }: Way): Warning {
  const [first, ...others] = hops.filter((hop) => hop.tries > 1)
  const behind = others.map((hop) => `Route/${hop.name} up to ${hop.tries} times`).join(', ')
  return {
    ...{ kind: 'Route', name: first!.name, pointer: '/spec/retry' },
    message: `retries multiply: it sends a request up to ${first!.tries} times, and behind it ${behind}`,
    effect: `a service that fails may get one request ${tries} times; retry answers in one tier only, and elsewhere what never got there (on: [connect_failure, refused_stream, reset_before_request])`,
  }
}

const known = new WeakMap<State, readonly Way[]>()

/** Looked for once for all documents of a write. */
function multiplied(state: State): readonly Way[] {
  const found = known.get(state) ?? find(state)
  known.set(state, found)
  return found
}

/** The worst way from each route that retries what was served, if another one on it does. */
function find(state: State): Way[] {
  const tiers = new Set(all(state, 'Cluster').flatMap(({ document }) => targetOf(state, document.name) ?? []))
  if (tiers.size === 0) return []
  const hops = all(state, 'Route').map(({ document }) => hopOf(document))
  const targets = ({ spec }: Hop) =>
    forwardedTo(spec).flatMap(({ cluster }) => targetOf(state, cluster) ?? [])
  const starts = hops.filter((hop) => hop.tries > 1 && targets(hop).length > 0)
  if (starts.length === 0) return []
  const at = groupByKeys(
    hops,
    ({ spec }) => new Set(placesOf(state, spec.gateways).filter((place) => tiers.has(place))),
  )
  const worst = worstWays(targets, at)
  return starts.map(worst).filter((way) => way.hops.filter(({ tries }) => tries > 1).length > 1)
}

function hopOf({ name, spec: written }: Document): Hop {
  const spec = effective<EffectiveRoute>(RouteSpec, written)
  const { retry } = spec
  return { name, spec, tries: retry !== undefined && retriesServed(retry) ? 1 + retry.attempts : 1 }
}

/** The worst way from a route, each worked out once. A way that comes back to itself is told of as a circle. */
function worstWays(
  targets: (hop: Hop) => readonly Place[],
  at: ReadonlyMap<Place, readonly Hop[]>,
): (hop: Hop) => Way {
  const ways = new Map<Hop, Way>()
  const behind = new Map<Place, HopsByPath>()
  const hopsAt = (place: Place): HopsByPath => {
    const made = behind.get(place)
    if (made !== undefined) return made
    behind.set(place, nowhere)
    const ordered = (at.get(place) ?? []).map(worst).sort((a, b) => b.tries - a.tries)
    const found = hopsByPath(ordered)
    behind.set(place, found)
    return found
  }
  const worst = (hop: Hop): Way => {
    const known = ways.get(hop)
    if (known !== undefined) return known
    const alone = { hops: [hop], tries: hop.tries }
    ways.set(hop, alone)
    const next = targets(hop).flatMap((place) => hopsAt(place)(hop) ?? [])
    const [first] = next.sort((a, b) => b.tries - a.tries)
    if (first === undefined || first.hops.includes(hop)) return alone
    const way = { hops: [hop, ...first.hops], tries: hop.tries * first.tries }
    ways.set(hop, way)
    return way
  }
  return worst
}

/** The worst of the ways that requests of a route may take. */
type HopsByPath = (from: Hop) => Way | undefined

const nowhere: HopsByPath = () => undefined

/** Ways that are ordered from the worst on, found by the paths of their first routes. */
function hopsByPath(ways: readonly Way[]): HopsByPath {
  const own = groupByKeys(ways, ({ hops }) => [startOf(hops[0]!)])
  const under = groupByKeys(ways, ({ hops }) => cuts(startOf(hops[0]!)))
  return (from) => {
    const { match, rewrite } = from.spec
    const meets = ({ hops }: Way) => mayMeet(from.spec, hops[0]!.spec)
    // What the path becomes is not plain to see.
    if (rewrite !== undefined) return ways.find(meets)
    const start = startOf(from)
    const wider = [...cuts(start)].flatMap((cut) => {
      const takes = ({ hops }: Way) => cut === start || hops[0]!.spec.match.path.exact === undefined
      return own.get(cut)?.find((way) => takes(way) && meets(way)) ?? []
    })
    const narrower = match.path.exact === undefined ? (under.get(start)?.find(meets) ?? []) : []
    const [worst] = [...wider, narrower].flat().sort((a, b) => b.tries - a.tries)
    return worst
  }
}

/** Whole segments that every path begins with that a route takes. */
function startOf({ spec }: Hop): string {
  const { path } = spec.match
  const start = anchor(path)
  return path.regex === undefined ? start : start.slice(0, start.lastIndexOf('/') + 1).replace(/\/$/, '')
}

/** A path and all that is before one of its slashes. */
function cuts(path: string): Set<string> {
  return new Set([
    ...[...path].flatMap((character, at) => (character === '/' ? [path.slice(0, at)] : [])),
    path,
  ])
}

/** Whether a request of one route may be one of another, but for its path. */
function mayMeet(one: EffectiveRoute, other: EffectiveRoute): boolean {
  const [a, b] = [one.match.methods ?? [], other.match.methods ?? []]
  const methods = a.length === 0 || b.length === 0 || a.some((method) => b.includes(method))
  return (
    methods && one.hosts.some((host) => other.hosts.some((each) => covers(host, each) || covers(each, host)))
  )
}

/** Whether all that one of a route's hosts stands for is among what another one stands for. */
function covers(wide: string, host: string): boolean {
  return wide === '*' || wide === host || (wide.startsWith('*.') && host.endsWith(wide.slice(1)))
}
