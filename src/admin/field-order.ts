import type { TSchema } from 'typebox'
import { type Document, inOrder } from '../model/document.ts'
import type { Kind } from '../model/kind.ts'

type Node = TSchema & { properties?: Record<string, TSchema>; items?: TSchema }

/** A stored document as it is shown: fields in the order of their schema, whatever order the database gave them. */
export function shownDocument(kind: Kind, document: Document): Record<string, unknown> {
  const { spec, labels, ...rest } = document
  return inOrder({
    ...rest,
    labels: ordered({}, labels) as Document['labels'],
    spec: ordered(kind.spec as Node, spec) as Document['spec'],
  })
}

/** What the schema does not list follows by name. */
function ordered(schema: Node, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => ordered((schema.items ?? {}) as Node, item))
  if (typeof value !== 'object' || value === null) return value
  const properties = schema.properties ?? {}
  const listed = Object.keys(properties).filter((key) => Object.hasOwn(value, key))
  const others = Object.keys(value).filter((key) => !Object.hasOwn(properties, key))
  return Object.fromEntries(
    [...listed, ...others.sort()].map((key) => [
      key,
      ordered((properties[key] ?? {}) as Node, (value as Record<string, unknown>)[key]),
    ]),
  )
}
