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

/** All objects of a kind, in whatever order. */
export function each(state: State, kind: string): Iterable<StoredObject> {
  state.noted?.(kind)
  return state.objects.get(kind)?.values() ?? []
}

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
  replaced: readonly Replacement[],
): void {
  const known = before === undefined ? undefined : sorted.get(before)
  if (known === undefined) return
  const objects = [...known]
  for (const { name, object } of replaced) {
    const place = placeOf(known, name)
    if (object === null || place === undefined) return
    objects[place] = object
  }
  sorted.set(after, objects)
}

function placeOf(objects: readonly StoredObject[], name: string): number | undefined {
  let [from, to] = [0, objects.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (compareNames(objects[middle]!.document.name, name) < 0) from = middle + 1
    else to = middle
  }
  return objects[from]?.document.name === name ? from : undefined
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
  for (const [kind, byName] of touched) {
    const ofKind = replacements.filter((each) => each.kind === kind)
    keepSorted(state.objects.get(kind), byName, ofKind)
  }
  const next = { revision, objects: new Map([...state.objects, ...touched]) }
  steps.set(next, {
    before: new WeakRef(state),
    rows: replacements.map(({ kind, name }) => ({ kind, name })),
  })
  return next
}

/** An object by what it is called. */
export interface Row {
  readonly kind: string
  readonly name: string
}

/** How states came of one another; those before are not kept for it. */
const steps = new WeakMap<State, { before: WeakRef<State>; rows: readonly Row[] }>()

/** As many writes may have come in between for a difference to be known without a look at all objects. */
const mostSteps = 64

/** The objects in which two states may differ, each once. */
export function changedRows(before: State, after: State): Row[] {
  const rows = new Map<string, Row>()
  let state = after
  for (let count = 0; count < mostSteps; count++) {
    if (state === before) return [...rows.values()]
    const step = steps.get(state)
    const former = step?.before.deref()
    if (step === undefined || former === undefined) break
    for (const row of step.rows) rows.set(`${row.kind}/${row.name}`, row)
    state = former
  }
  return comparedRows(before, after)
}

function comparedRows(before: State, after: State): Row[] {
  const rows: Row[] = []
  for (const kind of new Set([...before.objects.keys(), ...after.objects.keys()])) {
    const [old, present] = [before.objects.get(kind), after.objects.get(kind)]
    if (old === present) continue
    for (const [name, object] of present ?? []) if (old?.get(name) !== object) rows.push({ kind, name })
    for (const name of old?.keys() ?? []) if (present?.has(name) !== true) rows.push({ kind, name })
  }
  return rows
}
