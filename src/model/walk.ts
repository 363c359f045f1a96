import type { TSchema } from 'typebox'

/** The keywords of our schemas that a walk, and what it looks for, reads. All are plain data, so that they are exported. */
export type SchemaNode = TSchema & {
  type?: string
  description?: string
  default?: unknown
  /** The default is one of a variant: it holds where this field beside it is there, and is `is` if that is given. */
  defaultWith?: { field: string; is?: unknown }
  /** The default holds only where this field beside it is not there. */
  defaultWithout?: string
  /** Defaults that hold together, chosen by a field beside them. */
  presets?: { field: string; values: Record<string, Record<string, unknown>> }
  examples?: unknown[]
  enum?: unknown[]
  const?: unknown
  remedy?: string
  format?: string
  pattern?: string
  minimum?: number
  maximum?: number
  /** Bounds of durations and sizes, written as such. */
  atLeast?: string
  atMost?: string
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  required?: string[]
  properties?: Record<string, SchemaNode>
  patternProperties?: Record<string, SchemaNode>
  additionalProperties?: boolean
  items?: SchemaNode
  anyOf?: SchemaNode[]
  /** What is missing as long as Envoy does not get the field (`pending.ts`). */
  pending?: string
  pendingValues?: Record<string, string>
  failsClosed?: boolean
  /** Read by weir alone: nothing of it is ever for Envoy. */
  controlPlane?: boolean
  /** How a secret value is kept (`secret.ts`). */
  secret?: 'encrypted' | 'hashed'
  /** The field beside a private key with the certificate that it is of. */
  keyOf?: string
}

/**
 * Visits `value` and everything in it whose schema is known, parents first. A visitor that answers `false` is not shown
 * what is inside. Values of another type than their schema's are visited and not entered.
 */
export function walk(
  schema: TSchema,
  value: unknown,
  pointer: string,
  visit: (node: SchemaNode, value: unknown, pointer: string) => unknown,
): void {
  const node = schema as SchemaNode
  if (visit(node, value, pointer) === false) return
  if (Array.isArray(value)) {
    if (node.items === undefined) return
    for (const [index, item] of value.entries()) walk(node.items, item, `${pointer}/${index}`, visit)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      const child = childOf(node, key)
      if (child !== undefined) walk(child, item, `${pointer}/${escapePointer(key)}`, visit)
    }
  }
}

/** The schema of a property: by its name, else by the pattern that all keys of a map share, in any branch of a choice. */
export function childOf(node: SchemaNode, key: string): SchemaNode | undefined {
  for (const { properties, patternProperties } of [node, ...(node.anyOf ?? [])]) {
    if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key]
    if (patternProperties !== undefined) return Object.values(patternProperties)[0]
  }
  return undefined
}

/** A key as one token of a JSON pointer (RFC 6901, section 3). */
export function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
