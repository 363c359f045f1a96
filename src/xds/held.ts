import type { EncodedResource } from '../envoy-api/encoded.ts'
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

/** What the client had before a doubt came up; undefined when that was never known. */
export type Last = EncodedResource | typeof absent | undefined

/** What a client says that it has: a version or, where that tells which, the resource itself. */
export type Claim = string | EncodedResource | typeof uncertain

/** The version that a claim tells; an empty one for what is not claimed. */
export function claimed(claim: Claim | undefined): string | typeof uncertain {
  return typeof claim === 'object' ? claim.version : (claim ?? '')
}

interface Exception {
  readonly version: HeldVersion
  readonly last: Last
}

/**
 * Which versions one client has of one type.
 *
 * A client that is up to date differs from the snapshot in few names or none, so only those are stored, over
 * a base that all streams share: 500 Envoys with 10,000 resources cost 500 pointers, not 5,000,000 entries.
 */
export class Held {
  #base: ResourcesByName = new Map()
  readonly #exceptions = new Map<string, Exception>()
  /** Characters of names and versions that the client brought. */
  #broughtLength = 0

  get(name: string): HeldVersion {
    return this.#exceptions.get(name)?.version ?? this.#base.get(name)?.version ?? absent
  }

  last(name: string): Last {
    const exception = this.#exceptions.get(name)
    return exception === undefined ? (this.#base.get(name) ?? absent) : exception.last
  }

  /** From now on the client has this, or it is in doubt. */
  set(name: string, state: EncodedResource | Exclude<HeldVersion, string>): void {
    if (typeof state === 'object') this.#exceptions.set(name, { version: state.version, last: state })
    else if (state === absent) this.#exceptions.set(name, { version: absent, last: absent })
    else this.#exceptions.set(name, { version: state, last: this.last(name) })
  }

  /** `set`, for what the client says of itself: its text is held until all is settled. */
  bring(name: string, claim: Claim): void {
    if (typeof claim === 'object') this.set(name, claim)
    else this.#exceptions.set(name, { version: claim, last: undefined })
    this.#broughtLength += name.length + (typeof claim === 'string' ? claim.length : 0)
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
    const kept = [...names].map((name) => [name, { version: this.get(name), last: this.last(name) }] as const)
    this.#base = new Map()
    this.#exceptions.clear()
    for (const [name, exception] of kept) this.#exceptions.set(name, exception)
  }
}
