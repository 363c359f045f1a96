import { bounds } from './bounds.ts'
import { areAll, Names } from './names.ts'
import type { ResourcesByName } from './snapshot.ts'

/**
 * Which resources of one type a client wants: all of them, those that it named, or both (xDS protocol, "Wildcard").
 * Counts which of the names exist, so that nobody has to go through them.
 */
export class Interest {
  wildcard = false
  readonly names = new Names()
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
    return this.names.held * bounds.bytesPerName + this.#absentLength
  }

  add(name: string, existing: ResourcesByName): void {
    if (this.names.has(name)) return
    this.names.add(existing.get(name)?.name ?? name)
    this.#count(name, existing, 1)
    if (this.#existing === existing.size) this.names.share(existing)
  }

  /** `add` of all of them, where they are just those that exist and nothing was wanted before; else does nothing. */
  addAll(names: readonly string[], existing: ResourcesByName): boolean {
    if (this.names.size > 0 || !areAll(names, existing)) return false
    this.names.become(existing)
    this.#existing = existing.size
    return true
  }

  /** Whether the name was among those asked for. */
  remove(name: string, existing: ResourcesByName): boolean {
    if (!this.names.has(name)) return false
    this.names.delete(name)
    if (!this.wildcard) this.gone.delete(name)
    this.#count(name, existing, -1)
    return true
  }

  /** What exists is another by now, in the names in `changed` at most. */
  retarget(before: ResourcesByName, after: ResourcesByName, changed: Iterable<string>): void {
    for (const name of changed) {
      if (!after.has(name) && this.wants(name)) this.gone.add(name)
      if (!this.names.has(name)) continue
      this.#count(name, before, -1)
      this.#count(name, after, 1)
    }
    this.names.follow(before, after, changed)
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
