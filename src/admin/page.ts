import { Type } from 'typebox'
import { refusal } from './refusal.ts'

/** Query parameters of a list. */
export const pageParameters = {
  limit: Type.Optional(
    Type.Integer({ description: 'How many items at most.', minimum: 1, maximum: 1_000, default: 100 }),
  ),
  cursor: Type.Optional(Type.String({ description: '`next` of the page before.', maxLength: 1_000 })),
}

export interface PageQuery {
  limit?: number
  cursor?: string
}

export const defaultLimit = 100

/** The last item of a page, as an opaque text for the next request. */
export function encodeCursor(last: string): string {
  return Buffer.from(last).toString('base64url')
}

/** What `encodeCursor` was given; throws `malformed` for what it did not make. */
export function decodeCursor(
  cursor: string | undefined,
  isValid: (last: string) => boolean,
): string | undefined {
  if (cursor === undefined) return undefined
  const last = Buffer.from(cursor, 'base64url').toString()
  if (encodeCursor(last) === cursor && isValid(last)) return last
  throw refusal(
    'malformed',
    'The cursor is none that this list gave out.',
    'pass `next` of the page before, unchanged',
  )
}
