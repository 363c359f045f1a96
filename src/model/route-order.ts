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
  const [matchA, matchB] = [a.spec.match, b.spec.match]
  return (
    b.spec.priority - a.spec.priority ||
    pathRank(a) - pathRank(b) ||
    segments(matchB.path.prefix).length - segments(matchA.path.prefix).length ||
    Number(count(matchB.methods) > 0) - Number(count(matchA.methods) > 0) ||
    count(matchB.headers) - count(matchA.headers) ||
    count(matchB.query) - count(matchA.query) ||
    compareNames(a.name, b.name)
  )
}

function pathRank({ spec }: Ordered): number {
  const { exact, regex } = spec.match.path
  return exact !== undefined ? 0 : regex !== undefined ? 2 : 1
}

function count(conditions: readonly unknown[] | undefined): number {
  return conditions?.length ?? 0
}
