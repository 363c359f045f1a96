import type { TSchema } from 'typebox'
import { childOf, type SchemaNode } from './walk.ts'

const filled = new WeakMap<TSchema, WeakMap<object, unknown>>()

/**
 * A spec with the defaults of its schema filled in: those of a preset that it names before the others, and those that
 * belong to a variant (`defaultWith`, `defaultWithout`) only where the spec is of it, so that the result is as valid as the spec. The
 * stored spec stays as its author wrote it. Stored objects never change, so that each is filled in once, however many
 * states and compiles it is part of; nobody may change the result.
 */
export function effective<Effective>(schema: TSchema, spec: object): Effective {
  const known = filled.get(schema) ?? new WeakMap<object, unknown>()
  filled.set(schema, known)
  const result = known.get(spec) ?? fill(schema, spec)
  known.set(spec, result)
  return result as Effective
}

function fill(schema: TSchema, value: unknown): unknown {
  const { items, properties = {}, presets } = schema as SchemaNode
  if (Array.isArray(value)) return items === undefined ? value : value.map((item) => fill(items, item))
  if (typeof value !== 'object' || value === null) return value
  const written = Object.entries(value).map(([key, item]): [string, unknown] => {
    const child = childOf(schema, key)
    return [key, child === undefined ? item : fill(child, item)]
  })
  const preset = presets?.values[String((value as Record<string, unknown>)[presets.field])] ?? {}
  const missing = Object.entries(properties).flatMap(([key, child]): [string, unknown][] => {
    if (Object.hasOwn(value, key)) return []
    if (Object.hasOwn(preset, key)) return [[key, preset[key]]]
    const holds = child.default !== undefined && isOfVariant(child, value, properties)
    return holds ? [[key, fill(child, child.default)]] : []
  })
  return Object.fromEntries([...written, ...missing])
}

/** The field that says which variant it is may have a default itself. */
function isOfVariant(
  { defaultWith, defaultWithout }: SchemaNode,
  value: object,
  properties: Readonly<Record<string, SchemaNode>>,
): boolean {
  if (defaultWithout !== undefined) return !Object.hasOwn(value, defaultWithout)
  if (defaultWith === undefined) return true
  const { field, is } = defaultWith
  const said = Object.hasOwn(value, field)
    ? (value as Record<string, unknown>)[field]
    : properties[field]?.default
  return is === undefined ? said !== undefined : said === is
}
