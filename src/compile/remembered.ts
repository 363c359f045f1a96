/**
 * What was made of a document, so that a compile costs what changed since the last one. Stored documents and what is
 * filled in for them never change, so that the very same ones give the very same result.
 */
export class Remembered<T> {
  readonly #known = new WeakMap<object, Map<string, { from: readonly unknown[]; made: T }>>()

  /** What `make` gives for a document and a gateway, asked again only when one of `from` is another than last time. */
  of(document: object, gateway: string, from: readonly unknown[], make: () => T): T {
    const byGateway = this.#known.get(document) ?? new Map<string, { from: readonly unknown[]; made: T }>()
    const known = byGateway.get(gateway)
    if (known !== undefined && areSame(known.from, from)) return known.made
    const made = make()
    byGateway.set(gateway, { from, made })
    this.#known.set(document, byGateway)
    return made
  }
}

/** Whether two lists hold the very same values. */
export function areSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((each, index) => each === b[index])
}
