import type { EncodedResource } from '../envoy-api/encoded.ts'
import type { Pending } from './exchange.ts'
import { type GrowthStep, stepTo } from './growth.ts'
import { absent, asked, type Held } from './held.ts'
import type { Interest } from './interest.ts'
import type { Refused } from './refused.ts'
import type { ResourcesByName } from './snapshot.ts'

/** What decides on what a client lacks of one type. */
export interface Comparison {
  /** Names to look at; those of which nothing is lacking are taken out. */
  readonly dirty: Set<string>
  readonly interest: Interest
  readonly held: Held
  /** Learns which of the names are parked. */
  readonly refused: Refused
  /** What the client is to have. */
  readonly resources: ResourcesByName
  /** The type's resources make way for their new versions in steps (`growth.ts`). */
  readonly grows: boolean
  /** A cluster waits for word of it (`SubscriptionOptions`). */
  readonly warms: boolean
}

/** Compares what the client has with what it is to have. */
export function compare(comparison: Comparison): Pending {
  const { dirty, interest, refused, resources } = comparison
  const upserts: EncodedResource[] = []
  const shrinks: EncodedResource[] = []
  const absences: string[] = []
  const removals: string[] = []
  for (const name of dirty) {
    refused.reconsider(name, resources.get(name)?.version)
    const need = interest.wants(name) ? needOf(name, comparison) : undefined
    if (need === undefined) dirty.delete(name)
    else if (need === 'absence') absences.push(name)
    else if (need === 'removal') removals.push(name)
    else if ('smaller' in need) shrinks.push(need.smaller)
    else upserts.push(need.larger)
  }
  return { upserts, shrinks, absences, removals }
}

function needOf(
  name: string,
  { interest, held, refused, resources, grows, warms }: Comparison,
): GrowthStep | 'absence' | 'removal' | undefined {
  const resource = resources.get(name)
  const has = held.get(name)
  const waits = has === asked && interest.names.has(name)
  if (resource === undefined) {
    if (has === absent) return undefined
    return waits ? 'absence' : 'removal'
  }
  if (has === resource.version) return undefined
  // Word of its absence would take from it what it may have, and does not claim.
  if (refused.holdsBack(resource))
    return waits && (warms || !refused.hidesOther(resource)) ? 'absence' : undefined
  const last = held.last(name)
  const step = grows ? stepTo(resource, last) : { larger: resource }
  // A client that asks, or that may have lost it, gets what it had, and the rest when that is in force.
  const told = typeof last === 'object' && has === last.version
  return 'smaller' in step && !told ? { larger: last as EncodedResource } : step
}
