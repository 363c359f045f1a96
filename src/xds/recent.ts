import type { EncodedResource } from '../envoy-api/encoded.ts'
import { bounds } from './bounds.ts'
import type { Claim } from './held.ts'

/**
 * Resources that were in use lately, by name and version: so that what a client claims to have when it comes back is
 * known by its content, where the next step depends on that. The oldest give way.
 */
export class Recent {
  /** By name and version, with a space between. */
  readonly #resources = new Map<string, EncodedResource>()
  #bytes = 0

  note(resource: EncodedResource): void {
    const key = `${resource.name} ${resource.version}`
    this.#drop(key)
    this.#resources.set(key, resource)
    this.#bytes += sizeOf(resource)
    for (const oldest of this.#resources.keys()) {
      if (this.#bytes <= bounds.recentBytes) return
      this.#drop(oldest)
    }
  }

  /** The resource that a claim means, where that is known. */
  known(name: string, claim: Claim): Claim {
    return (typeof claim === 'string' ? this.#resources.get(`${name} ${claim}`) : undefined) ?? claim
  }

  #drop(key: string): void {
    const resource = this.#resources.get(key)
    if (resource === undefined) return
    this.#resources.delete(key)
    this.#bytes -= sizeOf(resource)
  }
}

function sizeOf({ any }: EncodedResource): number {
  return bounds.memoryNodeBytes + any.length
}
