import { type Document, inOrder } from '../model/document.ts'
import type { Kind } from '../model/kind.ts'
import { compareNames } from '../model/state.ts'
import { childOf, type SchemaNode } from '../model/walk.ts'

/** A stored document as it is shown: fields in the order of their schema, whatever order they were written in. */
export function shownDocument(kind: Kind, document: Document): Record<string, unknown> {
  const { spec, labels, ...rest } = document
  return inOrder({
    ...rest,
    labels: byName(labels),
    spec: ordered(kind.spec as SchemaNode, spec) as Document['spec'],
  })
}

/** The keys of a map go by name; what the schema leaves free is shown as it was written. */
function ordered(schema: SchemaNode | undefined, value: unknown): unknown {
  if (schema === undefined || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => ordered(schema.items, item))
  const objects = [schema, ...(schema.anyOf ?? [])].filter(({ type }) => type === 'object')
  if (objects.length === 0 || objects.some(({ additionalProperties }) => additionalProperties !== false))
    return value
  const listed = objects.flatMap(({ properties = {} }) => Object.keys(properties))
  return Object.fromEntries(
    [...new Set([...listed, ...Object.keys(value).sort()])]
      .filter((key) => Object.hasOwn(value, key))
      .map((key) => [key, ordered(childOf(schema, key), (value as Record<string, unknown>)[key])]),
  )
}

function byName(labels: Document['labels']): Document['labels'] {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => compareNames(a, b)))
}
