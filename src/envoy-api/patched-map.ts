/** So many values may differ from those of the map below before all are put into one again. */
const mostPatched = 128

/** `map` with other values under some of its names: costs these, and not the whole map. The names stay, and their order. */
export function patchedMap<V extends object>(
  map: ReadonlyMap<string, V>,
  values: Iterable<readonly [string, V]>,
): ReadonlyMap<string, V> {
  const [base, patch] = map instanceof PatchedMap ? [map.base, new Map(map.patch)] : [map, new Map()]
  for (const [name, value] of values) {
    if (!base.has(name)) throw new Error(`there is no ${name} to be replaced`)
    patch.set(name, value)
  }
  const patched = new PatchedMap<V>(base, patch)
  return patch.size > mostPatched ? new Map(patched) : patched
}

/** The values of `after` that may be others than in `before`, by name; nothing where that takes a look at all of them. */
export function replacedIn<V extends object>(
  before: ReadonlyMap<string, V>,
  after: ReadonlyMap<string, V>,
): ReadonlyMap<string, V> | undefined {
  if (!(after instanceof PatchedMap)) return undefined
  const base = before instanceof PatchedMap ? before.base : before
  // What was patched before is patched still: names are never taken out of a patch.
  return after.base === base ? after.patch : undefined
}

class PatchedMap<V extends object> implements ReadonlyMap<string, V> {
  readonly base: ReadonlyMap<string, V>
  readonly patch: ReadonlyMap<string, V>

  constructor(base: ReadonlyMap<string, V>, patch: ReadonlyMap<string, V>) {
    this.base = base
    this.patch = patch
  }

  get size(): number {
    return this.base.size
  }

  get(name: string): V | undefined {
    return this.patch.get(name) ?? this.base.get(name)
  }

  has(name: string): boolean {
    return this.base.has(name)
  }

  keys(): MapIterator<string> {
    return this.base.keys()
  }

  *entries(): MapIterator<[string, V]> {
    for (const [name, value] of this.base) yield [name, this.patch.get(name) ?? value]
  }

  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries()
  }

  forEach(call: (value: V, name: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [name, value] of this) call(value, name, this)
  }
}
