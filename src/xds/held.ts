import { bounds } from './bounds.ts'
import type { ResourcesByName } from './snapshot.ts'

/** The client does not have the resource, and knows it. */
export const absent = Symbol('absent')
/** Whatever the client has, it has just asked, and waits for an answer. */
export const asked = Symbol('asked')
/** The client refused it, perhaps among others: it may have that version, an older one, or none. */
export const uncertain = Symbol('uncertain')

/** What the client has of one resource: a version, or why none is known. */
export type HeldVersion = string | typeof absent | typeof asked | typeof uncertain

/**
 * Which versions one client has of one type.
 *
 * A client that is up to date differs from the snapshot in few names or none, so only those are stored, over
 * a base that all streams share: 500 Envoys with 10,000 resources cost 500 pointers, not 5,000,000 entries.
 */
export class Held {
  #base: ResourcesByName = new Map()
  readonly #exceptions = new Map<string, HeldVersion>()
  /** Characters of names and versions that the client brought. */
  #broughtLength = 0

  get(name: string): HeldVersion {
    return this.#exceptions.get(name) ?? this.#base.get(name)?.version ?? absent
  }

  set(name: string, version: HeldVersion): void {
    this.#exceptions.set(name, version)
  }

  /** `set`, for what the client says of itself: its text is held until all is settled. */
  bring(name: string, version: string): void {
    this.set(name, version)
    this.#broughtLength += name.length + version.length
  }

  /** Bytes that the exceptions take, by estimate. */
  get bytes(): number {
    return this.#exceptions.size * bounds.bytesPerName + this.#broughtLength
  }

  /** From now on the client has exactly `base`, but for `exceptions`, whose state stays as it is. */
  rebase(base: ResourcesByName, exceptions: Iterable<string>): void {
    this.#broughtLength = 0
    if (this.#base === base && this.#exceptions.size === 0) return
    this.restrict(exceptions)
    this.#base = base
  }

  /** Forgets everything but `names`. */
  restrict(names: Iterable<string>): void {
    const kept = [...names].map((name) => [name, this.get(name)] as const)
    this.#base = new Map()
    this.#exceptions.clear()
    for (const [name, version] of kept) this.#exceptions.set(name, version)
  }
}
