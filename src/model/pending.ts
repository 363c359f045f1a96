import type { TSchema } from 'typebox'
import type { Document } from './document.ts'
import { equalJson } from './equal.ts'
import { walk } from './walk.ts'

/**
 * A field that is accepted and not delivered to Envoy yet is marked in its schema: `pending` says what that means for
 * traffic, `pendingValues` does so for single values of a field. `failsClosed` says that what needs the field is
 * refused instead of being served without it. A later version delivers the field by removing the mark.
 */
export interface Warning {
  kind: string
  name: string
  pointer: string
  message: string
  effect: string
}

/** A warning for each field of the document that Envoy does not get. */
export function pendingWarnings(schema: TSchema, { kind, name, spec }: Document): Warning[] {
  const warnings: Warning[] = []
  walk(schema, spec, '/spec', (node, value, pointer) => {
    const byValue = typeof value === 'string' ? node.pendingValues?.[value] : undefined
    const effect = node.pending ?? byValue
    if (effect === undefined) return true
    // Written or not, a default does the same; and who leaves a field out is told nothing.
    if (node.default !== undefined && equalJson(value, node.default)) return false
    const field = pointer.split('/').at(-1)
    const what = byValue === undefined ? `"${field}"` : `"${field}: ${value as string}"`
    const message =
      pointer === '/spec' ? `${kind} is not delivered to Envoy yet` : `${what} is not delivered to Envoy yet`
    warnings.push({ kind, name, pointer, message, effect })
    return false
  })
  return warnings
}

/** Whether the document asks for anything that must not be served without being delivered. */
export function failsClosed(schema: TSchema, spec: object): boolean {
  const known = closedSpecs.get(spec)
  if (known?.schema === schema) return known.closed
  const closed = needsPending(schema, spec)
  closedSpecs.set(spec, { schema, closed })
  return closed
}

/** A stored spec never changes, so that each is looked through once, however often it is compiled. */
const closedSpecs = new WeakMap<object, { schema: TSchema; closed: boolean }>()

function needsPending(schema: TSchema, spec: object): boolean {
  let closed = false
  walk(schema, spec, '', (node, value) => {
    const pending =
      node.pending !== undefined || (typeof value === 'string' && node.pendingValues?.[value] !== undefined)
    if (pending && node.failsClosed === true) closed = true
    return !pending
  })
  return closed
}
