import { type Document, idOf } from './document.ts'
import type { GatewaySpec } from './gateway.ts'
import { find, type Replacement, replace, type State, type StoredObject } from './state.ts'

/** A form of an object that Envoy refuses, wherever it is sent. */
export interface Refusal {
  readonly kind: string
  readonly name: string
  /** The revision that gave the object this form; a later form is judged anew. */
  readonly revision: number
  /** JSON pointer to the field, as closely as Envoy's words tell; `""` for the whole document. */
  readonly pointer: string
  /** What Envoy said. */
  readonly error: string
  /** Who said so, and of which resource: `type` is short, `version` the hash of its content. */
  readonly gateway: string
  readonly node: string
  readonly type: string
  readonly resource: string
  readonly version: string
}

/** One form of one object. */
export type Form = Pick<Refusal, 'kind' | 'name' | 'revision'>

/** What the Envoys get instead of a form. */
export interface Substitute {
  /** The newest earlier form that was not refused. Without one the object is left out. */
  readonly good?: StoredObject
  /** What that form names, and what that names again, in its newest form: it may be deleted by now. */
  readonly named: readonly StoredObject[]
}

/** A refused form that is kept from the Envoys. */
export interface QuarantineEntry extends Refusal, Substitute {
  /** RFC 3339 */
  readonly since: string
}

/** What all replicas know of refusals. */
export interface Quarantine {
  /** Of objects in their present form only. */
  readonly held: readonly QuarantineEntry[]
  /** Forms that one Envoy refuses and another one has accepted (`formOf`): these are not held back. */
  readonly accepted: ReadonlySet<string>
}

export const emptyQuarantine: Quarantine = { held: [], accepted: new Set() }

export function formOf({ kind, name, revision }: Form): string {
  return `${kind}/${name}@${revision}`
}

/** One form of an object that is to be kept from the Envoys, since this resource is refused. */
export type Held = Form & Substitute & Pick<Refusal, 'resource'>

/**
 * The state as the Envoys are to get it: each form that is held back gives way to its last good one, or to nothing, and
 * what good forms name is there although it was deleted meanwhile. Of a gateway without a good form the listeners are
 * left out that were refused, so that it serves what else it has. `State.leftOut` says what is missing.
 */
export function withSubstitutes(state: State, held: readonly Held[]): State {
  const present = held.filter((row) => find(state, row.kind, row.name)?.revision === row.revision)
  if (present.length === 0) return state
  const byId = Map.groupBy(present, idOf)
  const replacements = [...byId.values()].map((rows) => replacementOf(state, rows))
  const needed = present
    .flatMap(({ named }) => named)
    .filter(({ document: { kind, name } }) => find(state, kind, name) === undefined)
    .map((object): Replacement => ({ kind: object.document.kind, name: object.document.name, object }))
  const leftOut = new Set(replacements.filter(({ object }) => object === null).map(idOf))
  return { ...replace(state, state.revision, [...needed, ...replacements]), leftOut }
}

function replacementOf(state: State, rows: readonly Held[]): Replacement {
  const { kind, name } = rows[0]!
  const good = rows.find((row) => row.good !== undefined)?.good
  if (good !== undefined) return { kind, name, object: good }
  const object = find(state, kind, name)!
  return { kind, name, object: kind === 'Gateway' ? withoutListeners(object, rows) : null }
}

const narrowed = new WeakMap<Document, Map<string, StoredObject>>()

/** The very same object for the same listeners, so that nothing is compiled anew for it. */
function withoutListeners({ document, revision }: StoredObject, rows: readonly Held[]): StoredObject {
  const { listeners } = document.spec as unknown as GatewaySpec
  const refused = listeners.filter((listener) => rows.some((row) => isFor(row, document.name, listener.name)))
  const kept = refused.length === 0 ? [] : listeners.filter((listener) => !refused.includes(listener))
  const key = JSON.stringify(kept.map(({ name }) => name))
  const known = narrowed.get(document) ?? new Map<string, StoredObject>()
  narrowed.set(document, known)
  const object = known.get(key) ?? {
    revision,
    document: { ...document, spec: { ...document.spec, listeners: kept } },
  }
  known.set(key, object)
  return object
}

/** Listeners are named `gateway/listener@address`, their routes `gateway/listener`. */
function isFor({ resource }: Held, gateway: string, listener: string): boolean {
  const name = `${gateway}/${listener}`
  return resource === name || resource.startsWith(`${name}@`)
}
