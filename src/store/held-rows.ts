import { inArray, sql } from 'drizzle-orm'
import type { Replacement } from '../model/state.ts'
import type { Reader } from './read-state.ts'
import { type ObjectRow, objects } from './tables.ts'

/** Rows a query. */
const batch = 500

/**
 * Of objects whose present form cannot be read, say since a newer version wrote it, the last form before it that can: what
 * a replica that was there before the change goes on with, too. Each form ends where the next one begins; an object that
 * was away in between, or whose older forms are compacted away, is left out. `read` answers nothing for what it cannot read.
 */
export async function heldRows(
  reader: Reader,
  unreadable: readonly ObjectRow[],
  read: (row: ObjectRow) => Replacement[],
): Promise<Replacement[]> {
  const held: Replacement[] = []
  for (let later = unreadable; later.length > 0; ) {
    const earlier = await formsBefore(reader, later)
    const readable = earlier.map((row) => ({ row, replacements: read(row) }))
    held.push(...readable.flatMap(({ replacements }) => replacements))
    later = readable.flatMap(({ row, replacements }) => (replacements.length === 0 ? [row] : []))
  }
  return held
}

async function formsBefore(reader: Reader, later: readonly ObjectRow[]): Promise<ObjectRow[]> {
  const found: ObjectRow[] = []
  for (let at = 0; at < later.length; at += batch) {
    const ends = later.slice(at, at + batch).map(({ kind, name, fromRevision }) => {
      return sql`(${kind}, ${name}, ${fromRevision}::bigint)`
    })
    const place = sql`(${objects.kind}, ${objects.name}, ${objects.toRevision})`
    found.push(...(await reader.select().from(objects).where(inArray(place, ends))))
  }
  return found
}
