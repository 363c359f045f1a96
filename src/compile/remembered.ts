/**
 * What was made of a document, so that a compile costs what changed since the last one. Stored documents and what is
 * filled in for them never change, so that the very same ones give the very same result.
 */
export class Remembered<T> {
  readonly #known = new WeakMap<object, Map<string, { from: readonly unknown[]; made: T }>>()

  /** What `make` gives for a document and one use of it, asked again only when one of `from` is another than last time. */
  of(document: object, use: string, from: readonly unknown[], make: () => T): T {
    const byUse = this.#known.get(document) ?? new Map<string, { from: readonly unknown[]; made: T }>()
    const known = byUse.get(use)
    if (known !== undefined && areSame(known.from, from)) return known.made
    const made = make()
    byUse.set(use, { from, made })
    this.#known.set(document, byUse)
    return made
  }
}

/** Whether two lists hold the very same values. */
export function areSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((each, index) => each === b[index])
}
