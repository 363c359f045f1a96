import type { EncodedResource } from '../envoy-api/encoded.ts'
import type { NodeMemory } from './memory.ts'

/** A resource whose newest version the client refused, and when it is to be tried again. */
export interface Parked {
  readonly name: string
  readonly error: string
  /** Milliseconds since 1970. */
  readonly retryAt: number
}

const none: readonly Parked[] = []

/**
 * The resources of one type whose newest version the client refused: parked, so not sent again until they change,
 * or until they are retried, for what was in the way (a port that another program had) may be gone.
 */
export class Refused {
  readonly #type: string
  readonly #memory: NodeMemory
  readonly #parked = new Set<string>()
  /** To be sent once more, each in a response of its own, when nothing else is due. */
  readonly #retries = new Set<string>()

  constructor(type: string, memory: NodeMemory) {
    this.#type = type
    this.#memory = memory
  }

  /** Names that are parked now. */
  get names(): ReadonlySet<string> {
    return this.#parked
  }

  get retrying(): boolean {
    return this.#retries.size > 0
  }

  /** Whether this resource is to stay where it is; it is parked then. */
  holdsBack({ name, version }: EncodedResource): boolean {
    if (this.isRejected(name, version) && !this.#retries.has(name)) this.#parked.add(name)
    return this.#parked.has(name)
  }

  isRejected(name: string, version: string): boolean {
    return this.#memory.rejection(this.#type, name)?.version === version
  }

  /** Whether the client may have another version of it, which it does not claim. */
  hidesOther({ name, version }: EncodedResource): boolean {
    return this.#memory.doubted(this.#type, name, version)
  }

  /** Whether the name was parked, and so can be retried. */
  retry(name: string): boolean {
    if (this.#parked.has(name)) this.#retries.add(name)
    return this.#parked.has(name)
  }

  /** The name is looked at anew; `current` is the version of today, if there is one. */
  reconsider(name: string, current: string | undefined): void {
    this.#parked.delete(name)
    if (current === undefined || !this.isRejected(name, current)) this.#retries.delete(name)
  }

  /** Those of `upserts` that are no retries, and of these what `narrow` leaves; else the first retry alone. */
  order(
    upserts: readonly EncodedResource[],
    narrow: (fresh: readonly EncodedResource[]) => readonly EncodedResource[] = (fresh) => fresh,
  ): readonly EncodedResource[] {
    const first = narrow(upserts.filter(({ name }) => !this.#retries.has(name)))
    return first.length > 0 ? first : upserts.slice(0, 1)
  }

  sent(name: string): void {
    if (this.#retries.delete(name)) this.#memory.retried(this.#type, name)
  }

  /** Forgets the names that are not wanted any more. One that was to be sent again is, if it is wanted again. */
  restrict(wants: (name: string) => boolean): void {
    const dropped = [...this.#retries].filter((name) => !wants(name))
    if (dropped.length > 0) {
      this.#memory.forgetRejections((type, name) => type !== this.#type || !dropped.includes(name))
    }
    for (const names of [this.#parked, this.#retries]) {
      for (const name of names) if (!wants(name)) names.delete(name)
    }
  }

  list(): readonly Parked[] {
    if (this.#parked.size === 0) return none
    return [...this.#parked].map((name) => {
      const { error, retryAt } = this.#memory.rejection(this.#type, name) ?? { error: '', retryAt: 0 }
      return { name, error, retryAt }
    })
  }
}
