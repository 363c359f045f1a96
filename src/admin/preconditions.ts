import type { IncomingHttpHeaders } from 'node:http'
import { Type } from 'typebox'
import type { State, StoredObject } from '../model/state.ts'
import { clipped, refusal } from './refusal.ts'

/** Header of a write that may replace or delete what its request does not name. */
export const stateHeaders = {
  'if-match': Type.Optional(
    Type.String({
      description:
        'Write only if the whole state is still the one that was read: the ETag of `GET /v1/export` or of a dry run, ' +
        'which is the current revision in quotes. 412 where anybody wrote since, whatever they wrote.',
      examples: ['"12"'],
    }),
  ),
}

/** Headers of a write of one object. */
export const objectHeaders = {
  'if-match': Type.Optional(Type.String({ description: 'Write only if the ETag is still this one.' })),
  'if-none-match': Type.Optional(Type.String({ description: 'Write only if the ETag is none of these.' })),
}

/** Throws `precondition_failed` unless the object is in the form that the client saw. */
export type Precondition = (object: StoredObject | undefined) => void

/** The entity tag of an object: the revision that gave it its form. */
export function etagOf(object: StoredObject): string {
  return `"${object.revision}"`
}

/** The entity tag of the whole state: its revision. */
export function stateTag(revision: number): string {
  return `"${revision}"`
}

/** `If-Match` of a write that concerns the whole state (RFC 9110, section 13.1.1), to be asked inside its transaction. */
export function statePreconditionOf(headers: IncomingHttpHeaders): (state: State) => void {
  const match = tagsOf('If-Match', headers['if-match'])
  return ({ revision }) => {
    const tag = stateTag(revision)
    if (match === undefined || holds(match, tag)) return
    throw refusal(
      'precondition_failed',
      `If-Match does not hold: the store is at ${tag}.`,
      'look at what was written meanwhile (GET /v1/revisions) and repeat the change on the state of now',
    )
  }
}

/** `If-Match` and `If-None-Match` of a write of one object (RFC 9110, section 13.1), to be asked inside its transaction. */
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

/** The weak comparison of RFC 9110, section 8.8.3.2, which is the one of reads. */
export function holdsWeakly(tags: readonly string[], tag: string): boolean {
  return holds(
    tags.map((each) => each.replace(/^W\//, '')),
    tag,
  )
}

const oneTag = '(?:W/)?"[^"]*"'
const tagList = new RegExp(`^\\s*(?:\\*|${oneTag}(?:\\s*,\\s*${oneTag})*)\\s*$`)

/** The entity tags of a header. A weak one never matches a write, by the strong comparison of RFC 9110. */
export function tagsOf(header: string, value: string | undefined): string[] | undefined {
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
