import type { EncodedResource } from '../envoy-api/encoded.ts'
import { type Grown, grown } from '../envoy-api/grown.ts'
import { typeUrls } from '../envoy-api/types.ts'
import { bounds } from './bounds.ts'
import type { Last } from './held.ts'
import type { Recent } from './recent.ts'
import { resourcesOf, type Snapshot } from './snapshot.ts'

/**
 * How a client gets from one version of a resource to another whose users come and go with it: `larger` has all that is
 * in either, and goes before the users do; `smaller` is the new version, of which the client has more, and goes once no
 * user needs the rest.
 */
export type GrowthStep = { readonly larger: EncodedResource } | { readonly smaller: EncodedResource }

/** Types whose resources hold things that resources sent later name: they grow, and shrink when those are in force. */
export function grows(type: string): boolean {
  return type === typeUrls.extension
}

/**
 * The next step of a client that accepted `last` to `target`. If `last` is not known, or would be a burden, it is the
 * target at once: what is named and not there is then refused until its users are replaced as well.
 */
export function stepTo(target: EncodedResource, last: Last): GrowthStep {
  if (typeof last !== 'object') return { larger: target }
  const both = grown(last, target)
  if (both === undefined || both.any.length - target.any.length > bounds.leftoverBytes)
    return { larger: target }
  return both.version === last.version || !both.adds ? { smaller: target } : { larger: both }
}

/**
 * An Envoy may come back from another replica with one of these, or on its way from the one to the other, and need steps
 * from there to the next version.
 */
export function noteGrowing(recent: Recent, before: Snapshot | undefined, after: Snapshot): void {
  for (const [type, byName] of after.resources) {
    if (!grows(type)) continue
    for (const resource of byName.values()) {
      const step = stepTo(resource, before && resourcesOf(before, type).get(resource.name))
      if ('larger' in step) recent.note(step.larger)
      recent.note(resource)
    }
  }
}

/** The version of the snapshot that a resource stands for. */
export function meantVersion(resource: EncodedResource | Grown): string {
  return 'towards' in resource ? resource.towards : resource.version
}
