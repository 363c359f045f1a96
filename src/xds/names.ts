import { listOf, type ResourcesByName } from './snapshot.ts'

const none: ResourcesByName = new Map()

/**
 * The names that a client asked for. Most clients name all that there is, so that what is held of a client is by what it
 * differs: 500 Envoys that name 10,000 resources cost 500 references, and not 5,000,000 entries.
 */
export class Names implements Iterable<string> {
  /** All names in here are asked for, but for `#lacking`. */
  #shared = none
  readonly #lacking = new Set<string>()
  /** Names beside the shared ones. */
  #own = new Set<string>()

  has(name: string): boolean {
    return this.#own.has(name) || (this.#shared.has(name) && !this.#lacking.has(name))
  }

  get size(): number {
    return this.#own.size + this.#shared.size - this.#lacking.size
  }

  /** How many of them take memory of their own. */
  get held(): number {
    return this.#own.size + this.#lacking.size
  }

  *[Symbol.iterator](): Generator<string> {
    for (const name of this.#shared.keys()) if (!this.#lacking.has(name)) yield name
    yield* this.#own
  }

  /** Whether these are all of them, where that can be told without a look at each by itself. */
  are(names: readonly string[]): boolean {
    return this.held === 0 && names.length > 0 && areAll(names, this.#shared)
  }

  add(name: string): void {
    if (!this.#shared.has(name)) this.#own.add(name)
    else this.#lacking.delete(name)
  }

  delete(name: string): void {
    this.#own.delete(name)
    if (this.#shared.has(name)) this.#lacking.add(name)
    if (this.#lacking.size > this.#shared.size / 2) this.#unshare()
  }

  /** Every name of `existing` is among them: those are held by reference from now on. */
  share(existing: ResourcesByName): void {
    if (this.#shared === existing) return
    const others = [...this].filter((name) => !existing.has(name))
    this.#hold(existing, others)
  }

  /** `share` for who has no others. */
  become(existing: ResourcesByName): void {
    this.#hold(existing, [])
  }

  /** What exists is `after` by now, which differs from `before` in `changed` at most. The names stay what they are. */
  follow(before: ResourcesByName, after: ResourcesByName, changed: Iterable<string>): void {
    if (this.#shared !== before || before === after) return
    const names = [...changed].map((name) => [name, this.has(name)] as const)
    this.#shared = after
    for (const [name, wanted] of names) {
      this.#own.delete(name)
      this.#lacking.delete(name)
      if (wanted && !after.has(name)) this.#own.add(name)
      if (!wanted && after.has(name)) this.#lacking.add(name)
    }
  }

  #unshare(): void {
    this.#hold(none, [...this])
  }

  #hold(shared: ResourcesByName, own: Iterable<string>): void {
    this.#own = new Set(own)
    this.#shared = shared
    this.#lacking.clear()
  }
}

/** Whether `names` are the names of all that exist: each once, and no others. Envoy names them in their order. */
export function areAll(names: readonly string[], existing: ResourcesByName): boolean {
  if (names.length !== existing.size) return false
  const inOrder = listOf(existing)
  if (names.every((name, place) => name === inOrder[place]!.name)) return true
  const places = placesOf(existing)
  const met = new Uint8Array(names.length)
  return names.every((name) => {
    const place = places.get(name)
    return place !== undefined && met[place]!++ === 0
  })
}

const places = new WeakMap<ResourcesByName, ReadonlyMap<string, number>>()

function placesOf(existing: ResourcesByName): ReadonlyMap<string, number> {
  const known = places.get(existing) ?? new Map([...existing.keys()].map((name, place) => [name, place]))
  places.set(existing, known)
  return known
}
