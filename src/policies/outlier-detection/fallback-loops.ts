import type { Document } from '../../model/document.ts'
import type { ProblemOf } from '../../model/kind.ts'
import type { State } from '../../model/state.ts'
import type { OutlierDetectionSpec } from './schema.ts'
import { clustersWith, strictBreakerOf } from './strict.ts'

/**
 * Fallbacks that lead back. No request would go round, since the breaker of a fallback is not asked; but each of two
 * clusters that take each other's requests falls with the other.
 */
export function checkWrite(written: readonly Document[], state: State): ProblemOf[] {
  return written.flatMap((document) => {
    const loops = clustersOf(document, state).map((cluster) => loopFrom(cluster, state))
    const loop = loops.find((each) => each !== undefined)
    if (loop === undefined) return []
    const [first, second] = loop
    const way = loop.length === 2 ? 'itself' : loop.slice(1).join(', and those to ')
    return [
      {
        document,
        problem: {
          pointer: document.kind === 'Cluster' ? '/spec/outlierDetection' : '/spec/breaker/fallback/cluster',
          message: `requests to ${first} would fall back to ${way}`,
          remedy: `give ${second} another policy, for example one with another fallback, or "none"`,
        },
      },
    ]
  })
}

/** Clusters whose fallback a document may have changed. */
function clustersOf(document: Document, state: State): string[] {
  const { kind, name, spec } = document
  if (kind === 'Cluster') return [name]
  if (kind !== 'OutlierDetectionPolicy') return []
  const { breaker } = spec as OutlierDetectionSpec
  return breaker?.fallback?.cluster === undefined ? [] : clustersWith(state, name).map((each) => each.name)
}

/** From a cluster over fallbacks back to it, it being first and last. */
function loopFrom(cluster: string, state: State): string[] | undefined {
  const way = [cluster]
  const seen = new Set(way)
  for (;;) {
    const next = strictBreakerOf(state, way.at(-1)!)?.fallback?.cluster
    if (next === undefined) return undefined
    way.push(next)
    if (next === cluster) return way
    // It leads into a loop of others, which is told where it is written.
    if (seen.has(next)) return undefined
    seen.add(next)
  }
}
