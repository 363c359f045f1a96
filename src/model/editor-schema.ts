import type { TSchema } from 'typebox'
import type { Kind } from './kind.ts'
import { documentSchema } from './read-document.ts'
import { isText } from './text-field.ts'
import type { SchemaNode } from './walk.ts'

/** The keywords of JSON Schema 2020-12 that our schemas use; what else is in them only weir understands. */
const standard = [
  ...['type', 'title', 'description', 'default', 'examples', 'enum', 'const', 'required', 'pattern'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength'],
  ...['minItems', 'maxItems', 'uniqueItems', 'minProperties', 'maxProperties', 'additionalProperties'],
]

/**
 * One JSON Schema 2020-12 of a document of any kind, for editors: nothing but the standard's keywords, formats of ours
 * told by their patterns alone, and what is not delivered to Envoy yet said in the description.
 */
export function editorSchema(kinds: readonly Kind[]): Record<string, unknown> {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:weir:schema',
    title: 'weir document',
    description: 'What `weir apply` reads: one object of one kind.',
    oneOf: kinds.map(({ kind }) => ({ $ref: `#/$defs/${kind}` })),
    $defs: Object.fromEntries(
      kinds.map((kind) => [kind.kind, { ...plain(documentSchema(kind)), description: kind.description }]),
    ),
  }
}

function plain(schema: TSchema): Record<string, unknown> {
  const node = schema as SchemaNode
  const kept = Object.fromEntries(standard.flatMap((key) => (key in node ? [[key, node[key as never]]] : [])))
  const { properties, patternProperties, items, anyOf, pending } = node
  return {
    ...kept,
    ...(pending === undefined ? {} : { description: `${node.description ?? ''} (${pending})`.trim() }),
    ...(properties === undefined ? {} : withFileFields(properties, node.required ?? [])),
    ...(patternProperties === undefined ? {} : { patternProperties: plainAll(patternProperties) }),
    ...(items === undefined ? {} : { items: plain(items) }),
    ...(anyOf === undefined ? {} : { anyOf: anyOf.map(plain) }),
  }
}

function plainAll(schemas: Record<string, SchemaNode>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schemas).map(([key, schema]) => [key, plain(schema)]))
}

/** A file on disk may name another with the text (`certificateFile`), so that neither of the two must be there. */
function withFileFields(properties: Record<string, SchemaNode>, required: readonly string[]) {
  const texts = Object.keys(properties).filter((name) => isText(properties[name]!))
  const files = texts.map((name) => [
    `${name}File`,
    { type: 'string', description: `A file beside this one with the text of \`${name}\`.`, minLength: 1 },
  ])
  const needed = required.filter((name) => !texts.includes(name))
  return {
    properties: { ...plainAll(properties), ...Object.fromEntries(files) },
    ...(required.length === 0 ? {} : { required: needed }),
  }
}
