import type { TypeUrl } from '../envoy-api/types.ts'

/** A row of the model that had a part in making a resource. */
export interface Origin {
  readonly kind: string
  readonly name: string
}

/** Which rows made which resource: what Envoy says of a resource is traced back to rows by it. */
export class Provenance {
  readonly #origins = new Map<string, readonly (readonly Origin[])[]>()

  /** Notes that `origins` had a part in the resource. They are put together only when somebody asks. */
  add(type: TypeUrl, resource: string, origins: readonly (readonly Origin[])[]): void {
    const key = `${type} ${resource}`
    const known = this.#origins.get(key)
    this.#origins.set(key, known === undefined ? origins : [...known, ...origins])
  }

  /** The rows behind a resource, in a stable order; none for weir's own. */
  of(type: TypeUrl, resource: string): Origin[] {
    const origins = (this.#origins.get(`${type} ${resource}`) ?? []).flat()
    const known = new Map(origins.map(({ kind, name }) => [`${kind}/${name}`, { kind, name }]))
    return [...known.keys()].sort().map((key) => known.get(key)!)
  }
}
