import { changedSince, type EncodedResource, type EncodedResources } from '../envoy-api/encoded.ts'
import type { TypeUrl } from '../envoy-api/types.ts'

/** Everything that the Envoys of one gateway are to have, as of one revision. */
export interface Snapshot {
  readonly gateway: string
  /** Revision of the model; a snapshot of a later revision may hold the very same resources. */
  readonly revision: number
  readonly resources: EncodedResources
}

/** Names by type that were added, removed, or have another version. */
export type Changes = ReadonlyMap<TypeUrl, ReadonlySet<string>>

export type ResourcesByName = ReadonlyMap<string, EncodedResource>

const none: ResourcesByName = new Map()

/** The resources of one type; a type that the snapshot does not know has none. */
export function resourcesOf(snapshot: Snapshot, type: string): ResourcesByName {
  return snapshot.resources.get(type as TypeUrl) ?? none
}

const lists = new WeakMap<ResourcesByName, readonly EncodedResource[]>()
const whole = new WeakSet<readonly EncodedResource[]>()

/** All of them: the very same list whoever asks, so that what is made of it is made once (`isWhole`). */
export function listOf(resources: ResourcesByName): readonly EncodedResource[] {
  const known = lists.get(resources) ?? [...resources.values()]
  lists.set(resources, known)
  whole.add(known)
  return known
}

/** Whether it is a list that others have, too. */
export function isWhole(list: readonly EncodedResource[]): boolean {
  return whole.has(list)
}

/** Both lists, which is the very same one where there is nothing besides. */
export function joined(
  list: readonly EncodedResource[],
  more: readonly EncodedResource[],
): readonly EncodedResource[] {
  return more.length === 0 ? list : [...list, ...more]
}

/** What differs between two snapshots. Costs O(resources) at worst, so it is done once per transition, not per stream. */
export function changesBetween(before: Snapshot | undefined, after: Snapshot): Changes {
  const changes = new Map<TypeUrl, ReadonlySet<string>>()
  const types = new Set([...(before?.resources.keys() ?? []), ...after.resources.keys()])
  for (const type of types) {
    const names = changedNames(before?.resources.get(type) ?? none, after.resources.get(type) ?? none)
    if (names.size > 0) changes.set(type, names)
  }
  return changes
}

function changedNames(before: ResourcesByName, after: ResourcesByName): ReadonlySet<string> {
  const names = new Set<string>()
  if (before === after) return names
  const known = changedSince(before, after)
  if (known !== undefined) return known
  for (const [name, resource] of after) {
    if (before.get(name)?.version !== resource.version) names.add(name)
  }
  for (const name of before.keys()) {
    if (!after.has(name)) names.add(name)
  }
  return names
}

/**
 * `changesBetween`, computed once per pair of snapshots and shared by all streams that make the step,
 * whichever snapshot each of them stands on.
 */
export function sharedChanges(): (before: Snapshot, after: Snapshot) => Changes {
  const known = new WeakMap<Snapshot, WeakMap<Snapshot, Changes>>()
  return (before, after) => {
    const steps = known.get(after) ?? new WeakMap<Snapshot, Changes>()
    known.set(after, steps)
    const changes = steps.get(before) ?? changesBetween(before, after)
    steps.set(before, changes)
    return changes
  }
}
