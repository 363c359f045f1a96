import type { EncodedResource } from '../envoy-api/encoded.ts'
import { type Grown, grown } from '../envoy-api/grown.ts'
import { typeUrls } from '../envoy-api/types.ts'
import { bounds } from './bounds.ts'
import type { Last } from './held.ts'

/**
 * How a client gets from one version of a resource to another whose users come and go with it: `larger` has all that is
 * in either, and goes before the users do; `smaller` is the new version, of which the client has more, and goes once no
 * user needs the rest.
 */
export type Step = { readonly larger: EncodedResource } | { readonly smaller: EncodedResource }

/** Types whose resources hold things that resources sent later name: they grow, and shrink when those are in force. */
export function grows(type: string): boolean {
  return type === typeUrls.extension
}

/**
 * The next step of a client that accepted `last` to `target`. If `last` is not known, or would be a burden, it is the
 * target at once: what is named and not there is then refused until its users are replaced as well.
 */
export function stepTo(target: EncodedResource, last: Last): Step {
  if (typeof last !== 'object') return { larger: target }
  const both = grown(last, target)
  if (both === undefined || both.any.length - target.any.length > bounds.leftoverBytes)
    return { larger: target }
  return both.version === last.version || !both.adds ? { smaller: target } : { larger: both }
}

/** The version of the snapshot that a resource stands for. */
export function meantVersion(resource: EncodedResource | Grown): string {
  return 'towards' in resource ? resource.towards : resource.version
}
