import type { Document } from './document.ts'
import type { Kind, Reference } from './kind.ts'
import { changedRows, emptyState, find, type Row, type State, type StoredObject } from './state.ts'

/** What the document names, by its kind. */
export function referencesOf(kinds: readonly Kind[], document: Document): readonly Reference[] {
  const kind = kinds.find((candidate) => candidate.kind === document.kind)
  return kind === undefined ? [] : known(kind, document)
}

const references = new WeakMap<Document, readonly Reference[]>()

/** Stored documents never change, so that each is asked once, however many states it is part of. */
function known(kind: Kind, document: Document): readonly Reference[] {
  const found = references.get(document) ?? kind.references(document.spec as never)
  references.set(document, found)
  return found
}

/** One object that names another. */
export interface Referrer {
  readonly from: Document
  readonly reference: Reference
}

/** Every object with what it names. */
export function* allReferences(kinds: readonly Kind[], state: State): Generator<Referrer> {
  for (const kind of kinds) {
    for (const { document } of state.objects.get(kind.kind)?.values() ?? []) {
      for (const reference of known(kind, document)) yield { from: document, reference }
    }
  }
}

/** Whether what is named is there, its listener included, or need not be. */
export function resolves(state: State, reference: Reference): boolean {
  const target = find(state, reference.kind, reference.name)
  if (target === undefined && reference.optional === true) return true
  return target !== undefined && (reference.listener === undefined || hasListener(target, reference.listener))
}

function hasListener({ document }: StoredObject, listener: string): boolean {
  const { listeners } = document.spec as { listeners?: { name: string }[] }
  return listeners?.some(({ name }) => name === listener) ?? false
}

/**
 * The gateways that an object has to do with: itself, those that it names, else those of whoever names it and those
 * that it forwards to, whose listeners follow from that. A write waits for the Envoys of these.
 */
export function gatewaysConcerned(
  kinds: readonly Kind[],
  state: State,
  objects: readonly { kind: string; name: string }[],
): Set<string> {
  const gateways = new Set<string>()
  const visited = new Set<string>()
  // Its listeners are the endpoints of the tiers before it.
  const before = objects.flatMap(({ kind, name }) =>
    kind === 'Gateway' ? tiersBefore(kinds, state, name) : [],
  )
  const pending = [...objects, ...before]
  for (let object = pending.pop(); object !== undefined; object = pending.pop()) {
    const key = `${object.kind}/${object.name}`
    if (visited.has(key)) continue
    visited.add(key)
    if (object.kind === 'Gateway') {
      gateways.add(object.name)
      continue
    }
    const stored = find(state, object.kind, object.name)
    const named = stored === undefined ? [] : referencesOf(kinds, stored.document)
    const gatewaysNamed = named.filter(({ kind }) => kind === 'Gateway')
    const isPart = gatewaysNamed.some(({ target }) => target !== true)
    const referrers = () => (referrersOf(kinds, state).get(key) ?? []).map(({ from }) => from)
    pending.push(...gatewaysNamed, ...(isPart ? [] : referrers()))
  }
  return gateways
}

/** The clusters that forward to a gateway. */
function tiersBefore(kinds: readonly Kind[], state: State, gateway: string): Document[] {
  const referrers = referrersOf(kinds, state).get(`Gateway/${gateway}`) ?? []
  return referrers.filter(({ reference }) => reference.target === true).map(({ from }) => from)
}

/** Who names whom, by `kind/name`. */
export type Referrers = ReadonlyMap<string, readonly Referrer[]>

const indexes = new WeakMap<State, Referrers>()
/** The state whose index was asked for last: that of the next one differs from it in few places. */
let latest = new WeakRef<State>(emptyState)

/** Who names whom in a state; the state after one write is the state before the next. */
export function referrersOf(kinds: readonly Kind[], state: State): Referrers {
  const known = indexes.get(state)
  if (known !== undefined) return known
  const former = latest.deref()
  const before = former === undefined ? undefined : indexes.get(former)
  const rows = former === undefined ? [] : changedRows(former, state)
  const index =
    former === undefined || before === undefined || rows.length > mostPatched
      ? Map.groupBy(allReferences(kinds, state), keyOf)
      : patched(kinds, before, former, state, rows)
  indexes.set(state, index)
  latest = new WeakRef(state)
  return index
}

const keyOf = ({ reference: { kind, name } }: Referrer) => `${kind}/${name}`

/** Objects of which each may be named by all others; beyond that the whole is cheaper. */
const mostPatched = 100

function patched(
  kinds: readonly Kind[],
  index: Referrers,
  before: State,
  after: State,
  rows: readonly Row[],
): Referrers {
  const next = new Map(index)
  for (const { kind, name } of rows) {
    const [old, now] = [find(before, kind, name)?.document, find(after, kind, name)?.document]
    if (old === now) continue
    for (const key of new Set(named(kinds, old).map(keyOf))) {
      const others = (next.get(key) ?? []).filter(({ from }) => from !== old)
      if (others.length === 0) next.delete(key)
      else next.set(key, others)
    }
    for (const referrer of named(kinds, now)) {
      next.set(keyOf(referrer), [...(next.get(keyOf(referrer)) ?? []), referrer])
    }
  }
  return next
}

function named(kinds: readonly Kind[], document: Document | undefined): Referrer[] {
  if (document === undefined) return []
  return referencesOf(kinds, document).map((reference) => ({ from: document, reference }))
}
