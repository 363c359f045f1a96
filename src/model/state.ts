import type { Document } from './document.ts'

/** An object as stored, with the revision that gave it its present form. */
export interface StoredObject {
  readonly document: Document
  readonly revision: number
}

/** Everything that is written, at one revision. Immutable: a write makes a new one. */
export interface State {
  readonly revision: number
  /** kind -> name -> object */
  readonly objects: ReadonlyMap<string, ReadonlyMap<string, StoredObject>>
  /** Is told of each object that is looked up, and of each kind that is gone through; for who must know what was read. */
  readonly noted?: (kind: string, name?: string) => void
  /** `Kind/name` of what is written and kept from the Envoys, since they refuse it. */
  readonly leftOut?: ReadonlySet<string>
}

export const emptyState: State = { revision: 0, objects: new Map() }

/** The object of that kind and name, if there is one. */
export function find(state: State, kind: string, name: string): StoredObject | undefined {
  state.noted?.(kind, name)
  return state.objects.get(kind)?.get(name)
}

const sorted = new WeakMap<ReadonlyMap<string, StoredObject>, readonly StoredObject[]>()

/** All objects of a kind, by name; sorted once for all states that have the same ones. */
export function all(state: State, kind: string): readonly StoredObject[] {
  state.noted?.(kind)
  const byName = state.objects.get(kind)
  if (byName === undefined) return []
  const known = sorted.get(byName)
  if (known !== undefined) return known
  const objects = [...byName.values()].sort((a, b) => compareNames(a.document.name, b.document.name))
  sorted.set(byName, objects)
  return objects
}

/** Where only objects have changed, and no names, the order is that of before. */
function keepSorted(
  before: ReadonlyMap<string, StoredObject> | undefined,
  after: ReadonlyMap<string, StoredObject>,
): void {
  const known = before === undefined ? undefined : sorted.get(before)
  if (known === undefined || known.length !== after.size) return
  const objects = known.map(({ document }) => after.get(document.name))
  if (objects.every((object) => object !== undefined)) sorted.set(after, objects)
}

/** Byte order, the same on every machine whatever its locale. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** A replacement of some objects: `null` takes the object away. */
export interface Replacement {
  readonly kind: string
  readonly name: string
  readonly object: StoredObject | null
}

/** The state after the replacements. Costs a copy of the touched kinds' maps only. */
export function replace(state: State, revision: number, replacements: readonly Replacement[]): State {
  const touched = new Map<string, Map<string, StoredObject>>()
  for (const { kind, name, object } of replacements) {
    const byName = touched.get(kind) ?? new Map(state.objects.get(kind))
    touched.set(kind, byName)
    if (object === null) byName.delete(name)
    else byName.set(name, object)
  }
  for (const [kind, byName] of touched) keepSorted(state.objects.get(kind), byName)
  return { revision, objects: new Map([...state.objects, ...touched]) }
}
