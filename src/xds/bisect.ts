import type { EncodedResource } from '../envoy-api/encoded.ts'

/**
 * The search for the culprits in responses that a client refused. A refused response was applied in part, which
 * part nobody knows; so its parts are sent again, each on its own, until every resource was either accepted or
 * refused alone. That finds one bad among n in about 2 log2(n) responses, and in two if the client names it.
 */
export class Bisect {
  readonly #groups: string[][] = []

  get searching(): boolean {
    return this.#groups.length > 0
  }

  /**
   * The resources of these names were refused together; they are looked at before older groups. Names that the
   * client's message has in it are likely to be the culprits, which spares the others.
   */
  split(names: readonly string[], message: string): void {
    const blamed = names.filter((name) => mentions(message, name))
    if (blamed.length > 0 && blamed.length < names.length) {
      this.#groups.unshift(
        names.filter((name) => !blamed.includes(name)),
        blamed,
      )
      return
    }
    const middle = Math.ceil(names.length / 2)
    this.#groups.unshift(names.slice(0, middle), names.slice(middle))
  }

  /** Those of `pending` that are to go next, alone; all of them when the search is over. */
  narrow(pending: readonly EncodedResource[]): readonly EncodedResource[] {
    for (let group = this.#groups[0]; group !== undefined; group = this.#groups[0]) {
      const names = new Set(group)
      const due = pending.filter(({ name }) => names.has(name))
      if (due.length > 0) return due
      this.#groups.shift()
    }
    return pending
  }

  /** What `narrow` gave last was sent. */
  sent(): void {
    this.#groups.shift()
  }
}

/** Whether `text` has `name` in it as a word of its own: Envoy writes `<name>: <what is wrong>`. */
export function mentions(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
    if (isEdge(text[at - 1]) && isEdge(text[at + name.length])) return true
  }
  return false
}

function isEdge(character: string | undefined): boolean {
  return character === undefined || /[\s'"`,;:()[\]]/.test(character)
}
