import { segments } from './route-path.ts'
import type { EffectiveRoute } from './route-spec.ts'
import { compareNames } from './state.ts'

/** A route as far as its place among others goes. */
export interface Ordered {
  readonly name: string
  readonly spec: Pick<EffectiveRoute, 'priority' | 'match'>
}

/**
 * The order in which the routes of one host are tried: higher priority, then exact paths, longer prefixes, regexes, then
 * routes with a method, with more headers, with more query parameters, then by name. Independent of the order of writing.
 */
export function compareRoutes(a: Ordered, b: Ordered): number {
  if (a.spec.priority !== b.spec.priority) return b.spec.priority - a.spec.priority
  const [ranksA, ranksB] = [ranksOf(a.spec.match), ranksOf(b.spec.match)]
  for (const [place, rank] of ranksA.entries()) {
    if (rank !== ranksB[place]) return rank - ranksB[place]!
  }
  return compareNames(a.name, b.name)
}

type Match = Ordered['spec']['match']

const known = new WeakMap<Match, readonly number[]>()

/** What decides, first things first; of each, the lower one goes first. Made once of a match, which never changes. */
function ranksOf(match: Match): readonly number[] {
  const ranks = known.get(match) ?? [
    pathRank(match),
    -segments(match.path.prefix).length,
    -Number(count(match.methods) > 0),
    -count(match.headers),
    -count(match.query),
  ]
  known.set(match, ranks)
  return ranks
}

function pathRank({ path: { exact, regex } }: Match): number {
  return exact !== undefined ? 0 : regex !== undefined ? 2 : 1
}

function count(conditions: readonly unknown[] | undefined): number {
  return conditions?.length ?? 0
}
