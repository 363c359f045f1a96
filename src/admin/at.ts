import { Type } from 'typebox'
import type { Point } from '../store/history.ts'
import type { LoadedState, Part } from '../store/read-state.ts'
import type { AdminContext } from './context.ts'
import { clipped, refusal } from './refusal.ts'

/** Query parameter of what can be read as it was. */
export const atParameter = {
  at: Type.Optional(
    Type.String({
      description:
        'Read as it was at a revision (its number) or at a time (RFC 3339): the last revision until then. ' +
        '404 where there was none, 410 where that part of the history was compacted away.',
      maxLength: 64,
      examples: ['12', '2026-01-31T12:00:00Z'],
    }),
  ),
}

const time = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i

/** The point that `?at=` names; throws `malformed` for what is none. */
export function pointOf(at: string): Point {
  if (/^\d{1,15}$/.test(at)) return { revision: Number(at) }
  // A "+" that was not percent-encoded arrives as a space.
  const text = at.replace(/ (?=\d{2}:\d{2}$)/, '+')
  const day = time.exec(text)?.[1]
  const date = new Date(day !== undefined && isDay(day) ? text : Number.NaN)
  // PostgreSQL has no year 0, and nothing was written before weir was.
  if (date.getTime() >= 0) return { time: date }
  throw refusal(
    'malformed',
    `"at" cannot be ${clipped(JSON.stringify(at))}.`,
    'write the number of a revision, or a time such as 2026-01-31T12:00:00Z',
  )
}

/** JavaScript takes the 30th of February for the 2nd of March. */
function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`)
  return day.getTime() >= 0 && day.toISOString().startsWith(text)
}

/** The newest state, or at least the part of an older one that is asked for. */
export async function stateAt(
  { store }: AdminContext,
  at: string | undefined,
  part: Part,
): Promise<LoadedState> {
  if (at === undefined) return { state: await store.current(), unreadable: [] }
  return store.loaded(await store.revisionAt(pointOf(at)), part)
}
