import { bounds } from './bounds.ts'
import type { ResourcesByName } from './snapshot.ts'

/**
 * Which resources of one type a client wants: all of them, those that it named, or both (xDS protocol, "Wildcard").
 * Counts which of the names exist, so that nobody has to go through them.
 */
export class Interest {
  wildcard = false
  readonly names = new Set<string>()
  /** Names that the client had, or may have had, and that a removal may have to take from it. */
  readonly gone = new Set<string>()
  #existing = 0
  /** Characters of the names that do not exist; those that do are strings that the snapshot has anyway. */
  #absentLength = 0

  wants(name: string): boolean {
    return this.wildcard || this.names.has(name)
  }

  /** Bytes that the names take, by estimate. */
  get bytes(): number {
    return this.names.size * bounds.bytesPerName + this.#absentLength
  }

  add(name: string, existing: ResourcesByName): void {
    if (this.names.has(name)) return
    this.names.add(existing.get(name)?.name ?? name)
    this.#count(name, existing, 1)
  }

  /** Whether the name was among those asked for. */
  remove(name: string, existing: ResourcesByName): boolean {
    if (!this.names.delete(name)) return false
    if (!this.wildcard) this.gone.delete(name)
    this.#count(name, existing, -1)
    return true
  }

  /** What exists is another by now, in this name at least. */
  changed(name: string, before: ResourcesByName, after: ResourcesByName): void {
    if (!after.has(name) && this.wants(name)) this.gone.add(name)
    if (!this.names.has(name)) return
    this.#count(name, before, -1)
    this.#count(name, after, 1)
  }

  /** Whether every resource that exists is wanted. */
  covers(existing: ResourcesByName): boolean {
    return this.wildcard || this.#existing === existing.size
  }

  #count(name: string, existing: ResourcesByName, sign: 1 | -1): void {
    if (existing.has(name)) this.#existing += sign
    else this.#absentLength += sign * name.length
  }
}
