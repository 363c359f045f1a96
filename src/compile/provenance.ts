import type { TypeUrl } from '../envoy-api/types.ts'

/** A row of the model that had a part in making a resource. */
export interface Origin {
  readonly kind: string
  readonly name: string
}

/** Rows in lists as they come, each perhaps several times. */
export type Origins = readonly (readonly Origin[])[]

/** Which rows made which resource: what Envoy says of a resource is traced back to rows by it. */
export class Provenance {
  readonly #behind: (type: TypeUrl, resource: string) => Origins

  /** `behind` is asked, and its lists are put together, only when somebody asks. */
  constructor(behind: (type: TypeUrl, resource: string) => Origins) {
    this.#behind = behind
  }

  /** The rows behind a resource, in a stable order; none for weir's own. */
  of(type: TypeUrl, resource: string): Origin[] {
    const origins = this.#behind(type, resource).flat()
    const known = new Map(origins.map(({ kind, name }) => [`${kind}/${name}`, { kind, name }]))
    return [...known.keys()].sort().map((key) => known.get(key)!)
  }
}
