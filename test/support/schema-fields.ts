import type { TSchema } from 'typebox'
import { escapePointer, type SchemaNode } from '../../src/model/walk.ts'

/** A place in a schema: a property, an item of a list (`*`) or a value of a map (`{}`). */
export interface Field {
  /** Such as `/spec/listeners/&#42;/port`, from the document's root. */
  path: string
  node: SchemaNode
  /** Keys of a map and items of a list are neither required nor not: they are there or not. */
  optional: boolean
  /** The schemas around it, the nearest last. */
  around: SchemaNode[]
}

/** Every place of a schema below its root, parents first. */
export function fieldsOf(schema: TSchema): Field[] {
  return [...below(schema as SchemaNode, '', [])]
}

function* below(node: SchemaNode, path: string, around: SchemaNode[]): Generator<Field> {
  const inside = [...around, node]
  for (const branch of [node, ...(node.anyOf ?? [])]) {
    for (const [name, child] of Object.entries(branch.properties ?? {})) {
      const optional = !(branch.required ?? []).includes(name)
      yield* field(child, `${path}/${name}`, optional, branch === node ? inside : [...inside, branch])
    }
    for (const child of Object.values(branch.patternProperties ?? {})) {
      yield* field(child, `${path}/{}`, false, inside)
    }
    if (branch.items !== undefined) yield* field(branch.items, `${path}/*`, false, inside)
  }
}

function* field(node: SchemaNode, path: string, optional: boolean, around: SchemaNode[]): Generator<Field> {
  yield { path, node, optional, around }
  yield* below(node, path, around)
}

/** JSON pointers to where a document has a field. */
export function placesOf(document: object, path: string): string[] {
  let places: { pointer: string; value: unknown }[] = [{ pointer: '', value: document }]
  for (const step of path.split('/').slice(1)) {
    places = places.flatMap(({ pointer, value }) => {
      if (typeof value !== 'object' || value === null) return []
      const isList = Array.isArray(value)
      if (isList !== (step === '*')) return []
      const keys =
        step === '*' || step === '{}' ? Object.keys(value) : Object.hasOwn(value, step) ? [step] : []
      return keys.map((key) => ({
        pointer: `${pointer}/${escapePointer(key)}`,
        value: (value as Record<string, unknown>)[key],
      }))
    })
  }
  return places.map(({ pointer }) => pointer)
}

/** Stands for taking a field away. */
export const absent = Symbol('absent')

/** The value at a JSON pointer. */
export function valueAt(document: object, pointer: string): unknown {
  return tokens(pointer).reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], document)
}

/** A copy of the document with another value, or none, at a pointer that it has. */
export function changed<Of extends object>(document: Of, pointer: string, value: unknown): Of {
  const copy = structuredClone(document)
  const path = tokens(pointer)
  const last = path.pop()!
  const parent = path.reduce<unknown>(
    (inside, key) => (inside as Record<string, unknown>)[key],
    copy,
  ) as Record<string, unknown>
  if (value !== absent) parent[last] = value
  else if (Array.isArray(parent)) parent.splice(Number(last), 1)
  else delete parent[last]
  return copy
}

function tokens(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}
