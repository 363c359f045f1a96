import type { IncomingHttpHeaders } from 'node:http'
import type { StoredObject } from '../model/state.ts'
import { clipped, refusal } from './refusal.ts'

/** Throws `precondition_failed` unless the object is in the form that the client saw. */
export type Precondition = (object: StoredObject | undefined) => void

/** The entity tag of an object: the revision that gave it its form. */
export function etagOf(object: StoredObject): string {
  return `"${object.revision}"`
}

/** `If-Match` and `If-None-Match` of a write (RFC 9110, section 13.1), to be asked inside its transaction. */
export function preconditionOf(headers: IncomingHttpHeaders): Precondition {
  const match = tagsOf('If-Match', headers['if-match'])
  const noneMatch = tagsOf('If-None-Match', headers['if-none-match'])
  return (object) => {
    const tag = object === undefined ? undefined : etagOf(object)
    if (match !== undefined && !holds(match, tag)) {
      const now = tag === undefined ? 'it does not exist' : `it is at ${tag}`
      throw refusal(
        'precondition_failed',
        `If-Match does not hold: ${now}.`,
        'read the object again and repeat the change',
      )
    }
    if (noneMatch !== undefined && holds(noneMatch, tag)) {
      throw refusal(
        'precondition_failed',
        `If-None-Match does not hold: it is at ${tag}.`,
        'write to another name',
      )
    }
  }
}

function holds(tags: readonly string[], tag: string | undefined): boolean {
  return tag !== undefined && (tags.includes('*') || tags.includes(tag))
}

const oneTag = '(?:W/)?"[^"]*"'
const tagList = new RegExp(`^\\s*(?:\\*|${oneTag}(?:\\s*,\\s*${oneTag})*)\\s*$`)

/** A weak tag never matches a write, by the strong comparison of RFC 9110, section 8.8.3.2. */
function tagsOf(header: string, value: string | undefined): string[] | undefined {
  if (value === undefined) return undefined
  if (value.length > 1_000 || !tagList.test(value)) {
    throw refusal(
      'malformed',
      `${header} cannot be ${clipped(value)}.`,
      'send the ETag that a GET answered, in quotes, or *',
    )
  }
  return value.split(',').map((tag) => tag.trim())
}
