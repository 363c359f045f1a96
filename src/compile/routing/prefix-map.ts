import type { RouteMatch } from '../../model/route-match.ts'
import { anchor } from '../../model/route-path.ts'

/** Anything with a path match. */
interface Matching {
  readonly route: { readonly spec: { readonly match: Pick<RouteMatch, 'path'> } }
}

/** From this many routes on a list takes Envoy longer than a map and a short list. */
export const longList = 256
/** A key with so few routes is not split further. */
const bucketSize = 64
/** A group of fewer routes is not worth a key of its own, unless many such stay behind. */
const groupSize = 16

interface Anchored<R> {
  each: R
  /** Place in the whole order. */
  place: number
  text: string
}

/**
 * Routes by beginnings of paths. Of all keys that a path begins with the longest holds every route that may take the path,
 * in the order of `routes`, so that the first that matches there is the first that matches at all. Keys are cut at
 * characters, not at segments: a route whose paths all begin with `/r0123` can only be met below `/r0`.
 */
export function prefixMap<R extends Matching>(routes: readonly R[]): Map<string, R[]> {
  const anchored = routes.map((each, place) => ({ each, place, text: anchor(each.route.spec.match.path) }))
  const map = new Map<string, R[]>()
  split('/', anchored, map)
  return map
}

/** Gives `key` what may match below it, and keys of their own to groups that are large enough. */
function split<R>(key: string, all: readonly Anchored<R>[], map: Map<string, R[]>): void {
  const wide = all.filter(({ text }) => text.length <= key.length)
  const deep = all.filter(({ text }) => text.length > key.length)
  const groups = [...Map.groupBy(deep, ({ text }) => text[key.length]!).values()]
  // What is wide is repeated below every key, so that a group must hold at least as much.
  const isWorth = (least: number) => (group: Anchored<R>[]) => group.length >= Math.max(least, wide.length)
  const staying = groups.filter((group) => !isWorth(groupSize)(group)).flat().length
  const worth = isWorth(staying > bucketSize ? 1 : groupSize)
  const moving = all.length <= bucketSize ? [] : groups.filter(worth)
  const moved = new Set(moving.flat())
  map.set(key, inOrder(all.filter((each) => !moved.has(each))))
  for (const group of moving) split(commonStart(group), [...wide, ...group], map)
}

function inOrder<R>(routes: readonly Anchored<R>[]): R[] {
  return [...routes].sort((a, b) => a.place - b.place).map(({ each }) => each)
}

/** The longest beginning that all anchors of a group share; it is longer than the key that the group is below. */
function commonStart<R>(group: readonly Anchored<R>[]): string {
  return group.reduce((common, { text }) => {
    let length = 0
    while (length < common.length && common[length] === text[length]) length++
    return common.slice(0, length)
  }, group[0]!.text)
}
