import type { TypeUrl } from '../envoy-api/types.ts'

/** A row of the model that had a part in making a resource. */
export interface Origin {
  readonly kind: string
  readonly name: string
}

/** Which rows made which resource: what Envoy says of a resource is traced back to rows by it. */
export class Provenance {
  readonly #origins = new Map<string, Map<string, Origin>>()

  /** Notes that `origins` had a part in the resource. */
  add(type: TypeUrl, resource: string, origins: readonly Origin[]): void {
    const key = `${type} ${resource}`
    const known = this.#origins.get(key) ?? new Map<string, Origin>()
    for (const { kind, name } of origins) known.set(`${kind}/${name}`, { kind, name })
    this.#origins.set(key, known)
  }

  /** The rows behind a resource, in a stable order; none for weir's own. */
  of(type: TypeUrl, resource: string): Origin[] {
    const known = this.#origins.get(`${type} ${resource}`)
    return known === undefined ? [] : [...known.keys()].sort().map((key) => known.get(key)!)
  }
}
