import type { ResourcesByName } from './snapshot.ts'

/**
 * Which resources of one type a client wants: all of them, those that it named, or both (xDS protocol, "Wildcard").
 * Counts which of the names exist, so that nobody has to go through them.
 */
export class Interest {
  wildcard = false
  readonly names = new Set<string>()
  #existing = 0

  wants(name: string): boolean {
    return this.wildcard || this.names.has(name)
  }

  add(name: string, existing: ResourcesByName): void {
    if (this.names.has(name)) return
    this.names.add(name)
    if (existing.has(name)) this.#existing++
  }

  /** Whether the name was among those asked for. */
  remove(name: string, existing: ResourcesByName): boolean {
    if (!this.names.delete(name)) return false
    if (existing.has(name)) this.#existing--
    return true
  }

  /** What exists is another by now, in this name at least. */
  changed(name: string, before: ResourcesByName, after: ResourcesByName): void {
    if (this.names.has(name)) this.#existing += Number(after.has(name)) - Number(before.has(name))
  }

  /** Whether every resource that exists is wanted. */
  covers(existing: ResourcesByName): boolean {
    return this.wildcard || this.#existing === existing.size
  }
}
