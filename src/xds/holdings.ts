import { createHash } from 'node:crypto'
import type { EncodedResource } from '../envoy-api/encoded.ts'
import type { absent, Last } from './held.ts'
import type { Interest } from './interest.ts'
import { listOf, type ResourcesByName } from './snapshot.ts'

/** What a client has of one type: everything in `base`, but for some names. */
export interface Holdings {
  readonly base: ResourcesByName
  /** Another version than in `base`, none, or it is not known which. */
  readonly exceptions: ReadonlyMap<string, Last>
}

/** Those that are known, and that the client asked for. */
export function* resourcesIn({ base, exceptions }: Holdings, interest: Interest): Generator<EncodedResource> {
  for (const [name, resource] of base) {
    if (!exceptions.has(name) && interest.wants(name)) yield resource
  }
  for (const [name, last] of exceptions) {
    if (typeof last === 'object' && interest.wants(name)) yield last
  }
}

/** The same as a list, which is the one that all have where the client has everything. */
export function listIn(holdings: Holdings, interest: Interest): readonly EncodedResource[] {
  const { base, exceptions } = holdings
  if (exceptions.size === 0 && interest.covers(base)) return listOf(base)
  return [...resourcesIn(holdings, interest)]
}

/**
 * The version of it all, as the state-of-the-world variant needs one: equal for equal resources, whoever has them
 * and in whichever order they came. Costs O(exceptions) for a client that asked for everything.
 */
export function versionOf(holdings: Holdings, interest: Interest): string {
  const { base, exceptions } = holdings
  const sum = interest.covers(base) ? [...wholeSum(base)] : [0, 0]
  if (!interest.covers(base)) {
    for (const name of interest.names) add(sum, partOf(name, base.get(name)))
  }
  for (const [name, last] of exceptions) {
    if (!interest.wants(name)) continue
    add(sum, partOf(name, base.get(name)))
    add(sum, last === undefined ? hash(`? ${name}`) : partOf(name, last))
  }
  return sum.map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
}

/** Of a client that has nothing. */
export const versionOfNothing = '0'.repeat(16)

type Sum = number[]

const nothing: Sum = [0, 0]
const sums = new WeakMap<ResourcesByName, Sum>()
const parts = new WeakMap<EncodedResource, Sum>()

function wholeSum(resources: ResourcesByName): Sum {
  const known = sums.get(resources)
  if (known !== undefined) return known
  const sum = [0, 0]
  for (const [name, resource] of resources) add(sum, partOf(name, resource))
  sums.set(resources, sum)
  return sum
}

/** By exclusive or, so that adding a part again takes it away. */
function add(sum: Sum, part: Sum): void {
  sum[0]! ^= part[0]!
  sum[1]! ^= part[1]!
}

function partOf(name: string, resource: EncodedResource | typeof absent | undefined): Sum {
  if (typeof resource !== 'object') return nothing
  const known = parts.get(resource) ?? hash(`${resource.version} ${name}`)
  parts.set(resource, known)
  return known
}

function hash(text: string): Sum {
  const digest = createHash('sha256').update(text).digest()
  return [digest.readInt32BE(0), digest.readInt32BE(4)]
}
