import { type TypeUrl, typeUrls } from '../envoy-api/types.ts'
import type { RolloutRecord } from '../model/rollout-record.ts'
import type { RolloutBase } from '../xds/rollout.ts'
import { type Changes, changesBetween, resourcesOf, type Snapshot } from '../xds/snapshot.ts'

/** A gateway's resources at the three revisions that matter while it is moved from one to another. */
export interface Versions {
  readonly newest: Snapshot
  readonly candidate: Snapshot
  readonly base: Snapshot
}

/** What a gateway's Envoys get, and how its newest revision stands to the two of its record. */
export interface Stage {
  readonly snapshot: Snapshot
  readonly base: RolloutBase | undefined
  /** Which of the two the newest revision is, as far as Envoys can tell; `other` is to be rolled out. */
  readonly newestIs: 'base' | 'candidate' | 'other'
  /** What reached Envoys have that is not in the base. */
  readonly news: Changes
}

/** Which snapshot goes to whom, by the record of a gateway's rollout. */
export function stageOf({ state, reach, base: baseRevision }: RolloutRecord, versions: Versions): Stage {
  const { newest } = versions
  const base = withEndpointsOf(newest, versions.base)
  const candidate = versions.candidate === versions.base ? base : withEndpointsOf(newest, versions.candidate)
  const isBase = changesBetween(base, newest).size === 0
  const isCandidate = candidate === base ? isBase : changesBetween(candidate, newest).size === 0
  const news = changesBetween(base, candidate)
  const newestIs = isBase ? 'base' : isCandidate ? 'candidate' : 'other'
  // Nothing is held back by a record that another revision has made void: both are the same.
  if (isBase) return { snapshot: newest, base: undefined, newestIs, news }
  const back = { ...base, revision: baseRevision }
  if (state === 'running' || state === 'halted') {
    return { snapshot: isCandidate ? newest : candidate, base: { snapshot: back, reach }, newestIs, news }
  }
  return { snapshot: back, base: undefined, newestIs, news }
}

/**
 * An older snapshot with the newest endpoints of each cluster that is the same in both: where a service is, is no
 * change to try out. A cluster that is another one keeps its own, which may speak another protocol.
 */
function withEndpointsOf(newest: Snapshot, older: Snapshot): Snapshot {
  if (older === newest) return newest
  const [clusters, present] = [resourcesOf(newest, typeUrls.cluster), resourcesOf(newest, typeUrls.endpoints)]
  const own = resourcesOf(older, typeUrls.cluster)
  const endpoints = [...resourcesOf(older, typeUrls.endpoints)].map(([name, resource]) => {
    const same = own.get(name)?.version === clusters.get(name)?.version
    return [name, (same ? present.get(name) : undefined) ?? resource] as const
  })
  const resources = new Map([
    ...older.resources,
    [typeUrls.endpoints as TypeUrl, new Map(endpoints)] as const,
  ])
  return { ...older, resources }
}
