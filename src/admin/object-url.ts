import { Type } from 'typebox'
import { WeirError } from '../errors.ts'
import type { Document } from '../model/document.ts'
import type { Kind } from '../model/kind.ts'
import { clipped, refusal } from './refusal.ts'

/** Path parameters of one object. */
export const objectParams = Type.Object({ name: Type.String({ description: 'Name of the object.' }) })

export function missingObject(kind: Kind, name: string): WeirError {
  return refusal(
    'not_found',
    `There is no ${kind.kind}/${clipped(name)}.`,
    `GET /v1/${kind.plural} lists those that exist`,
  )
}

/** The body with kind and name from the URL; throws where it says another. */
export function named(kind: Kind, name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const given = value as Partial<Document>
  const problems = [
    { field: 'kind', stated: given.kind, meant: kind.kind },
    { field: 'name', stated: given.name, meant: name },
  ].flatMap(({ field, stated, meant }) => {
    if (stated === undefined || stated === meant) return []
    const message = `"${field}" is ${clipped(JSON.stringify(stated))}, but the URL says "${clipped(meant)}"`
    return [
      { pointer: `/${field}`, message, remedy: `leave ${field} out, or write to the URL of that object` },
    ]
  })
  if (problems.length > 0) throw new WeirError('invalid', 'The document contradicts its URL.', { problems })
  return { ...given, kind: kind.kind, name }
}
