import type { Document } from './document.ts'
import type { Warning } from './pending.ts'
import type { RouteSpec } from './route-spec.ts'
import { all, type State } from './state.ts'
import { type Place, placesOf, sentTo, targetOf } from './tier-places.ts'

/**
 * A warning for each cluster of a route through which its requests can come back to the listener that they came from.
 * That may end, by another path or host on the second way, and if it does not, Envoy does not stop it.
 */
export function loopWarnings({ kind, name, spec }: Document, state: State): Warning[] {
  const starts = new Set(placesOf(state, (spec as RouteSpec).gateways))
  return sentTo(spec as RouteSpec).flatMap(({ cluster, pointer }) => {
    const way = wayBack(starts, targetOf(state, cluster), nextPlaces(state))
    if (way === undefined) return []
    const message = `requests may go round in circles: ${[way.at(-1), ...way].join(', ')}`
    const effect = 'a request that meets this route each time goes on until it times out'
    return [{ kind, name, pointer, message, effect }]
  })
}

/** The same for every route that forwards to a cluster. */
export function loopWarningsOfCluster({ name }: Document, state: State): Warning[] {
  if (targetOf(state, name) === undefined) return []
  return all(state, 'Route').flatMap(({ document }) => {
    const own = sentTo(document.spec as RouteSpec).filter(({ cluster }) => cluster === name)
    if (own.length === 0) return []
    return loopWarnings(document, state).filter((each) => own.some(({ pointer }) => pointer === each.pointer))
  })
}

/** The shortest way from a listener to one of `goals`, both included. */
function wayBack(
  goals: ReadonlySet<Place>,
  start: Place | undefined,
  next: ReadonlyMap<Place, ReadonlySet<Place>>,
): Place[] | undefined {
  const seen = new Set<Place>()
  let ways: Place[][] = start === undefined ? [] : [[start]]
  while (ways.length > 0) {
    const found = ways.find((way) => goals.has(way.at(-1)!))
    if (found !== undefined) return found
    ways = ways.flatMap((way) => {
      const fresh = [...(next.get(way.at(-1)!) ?? [])].filter((place) => !seen.has(place))
      for (const place of fresh) seen.add(place)
      return fresh.map((place) => [...way, place])
    })
  }
  return undefined
}

const graphs = new WeakMap<State, Map<Place, Set<Place>>>()

/** Where the requests of a listener may go by the routes that are on it; made once for all routes of a write. */
function nextPlaces(state: State): ReadonlyMap<Place, ReadonlySet<Place>> {
  const known = graphs.get(state)
  if (known !== undefined) return known
  const graph = new Map<Place, Set<Place>>()
  for (const { document } of all(state, 'Route')) {
    const spec = document.spec as RouteSpec
    const targets = sentTo(spec).flatMap(({ cluster }) => targetOf(state, cluster) ?? [])
    if (targets.length === 0) continue
    for (const place of placesOf(state, spec.gateways)) {
      const next = graph.get(place) ?? new Set()
      graph.set(place, next)
      for (const target of targets) next.add(target)
    }
  }
  graphs.set(state, graph)
  return graph
}
