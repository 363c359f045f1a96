import type { EncodedResource } from '../envoy-api/encoded.ts'
import type { Batch } from './exchange.ts'
import { absent, asked, type Last, uncertain } from './held.ts'
import type { Holdings } from './holdings.ts'
import type { Comparison } from './pending.ts'

/**
 * Completes a batch for a type of which a response holds everything. What is in doubt and not to go now cannot be
 * left alone: it is in the response, or removed by it. So it goes in the version that was accepted last, which is how
 * a suspect is held back while others are tried; and if that is not known, in the one that was refused, for a refused
 * resource leaves its old version in force, while one that is left out takes it away.
 */
export function makeWhole(batch: Batch, view: Comparison): Batch {
  const restored: EncodedResource[] = []
  const standIns: EncodedResource[] = []
  const withheld: string[] = []
  for (const name of namesBeside(batch, view)) {
    if (!isDoubtful(name, view)) continue
    const last = view.held.last(name)
    const standIn = view.resources.get(name)
    if (typeof last === 'object') restored.push(last)
    else if (last === undefined && standIn !== undefined) standIns.push(standIn)
    else withheld.push(name)
  }
  return { ...batch, removed: [...batch.removed, ...withheld], restored, standIns }
}

/** What the client has once it accepted `batch`: what it is to have, but for names that were not up to date. */
export function holdingsAfter(batch: Batch, view: Comparison): Holdings {
  const exceptions = new Map<string, Last>()
  for (const name of namesBeside(batch, view)) {
    exceptions.set(name, isDoubtful(name, view) ? undefined : view.held.last(name))
  }
  for (const name of batch.removed) exceptions.set(name, absent)
  const others = [
    ...batch.restored,
    ...batch.standIns,
    ...batch.upserts.filter((each) => !isTarget(each, view)),
  ]
  for (const resource of others) exceptions.set(resource.name, resource)
  return { base: view.resources, exceptions }
}

/** Names that are not up to date, and not in the batch. */
function namesBeside({ upserts, removed }: Batch, view: Comparison): Set<string> {
  const names = new Set([...view.dirty, ...view.refused.names])
  for (const { name } of upserts) names.delete(name)
  for (const name of removed) names.delete(name)
  return names
}

function isTarget({ name, version }: EncodedResource, { resources }: Comparison): boolean {
  return resources.get(name)?.version === version
}

function isDoubtful(name: string, { held }: Comparison): boolean {
  const version = held.get(name)
  return version === asked || version === uncertain
}
