import { and, asc, desc, eq, exists, gt, isNull, lt, lte, or } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import { WeirError } from '../errors.ts'
import type { Document } from '../model/document.ts'
import { newestRevision, oldestRevision } from './read-state.ts'
import { type ObjectRow, objects, type RevisionRow, revisions } from './tables.ts'

/** What was written and when, newest first. */
export interface RevisionPage {
  items: RevisionRow[]
  /** The oldest revision whose state can be read. */
  oldest: number
  /** Pass as `before` for the next page; absent on the last one. */
  next?: number
}

export interface RevisionQuery {
  limit: number
  /** Only revisions before this one. */
  before?: number
  /** Only revisions that created, changed or deleted this object, whether or not it is there now. */
  object?: { kind: string; name: string }
}

/** A point in the history: the number of a revision, or a time, which means the last revision until then. */
export type Point = { revision: number } | { time: Date }

/** An object that is not the same at two revisions; as stored, whether or not this program can still read it. */
export interface Difference {
  kind: string
  name: string
  before?: Document
  after?: Document
}

/** A page of revisions, newest first. */
export async function readRevisions(
  db: NodePgDatabase,
  { limit, before, object }: RevisionQuery,
): Promise<RevisionPage> {
  const items = await db
    .select()
    .from(revisions)
    .where(
      and(
        before === undefined ? undefined : lt(revisions.id, before),
        object === undefined ? undefined : exists(formsBeginningOrEnding(db, object)),
      ),
    )
    .orderBy(desc(revisions.id))
    .limit(limit + 1)
  const oldest = await oldestRevision(db)
  if (items.length <= limit) return { items, oldest }
  const page = items.slice(0, limit)
  return { items: page, oldest, next: page.at(-1)!.id }
}

function formsBeginningOrEnding(db: NodePgDatabase, { kind, name }: { kind: string; name: string }) {
  const { fromRevision, toRevision } = objects
  return db
    .select()
    .from(objects)
    .where(
      and(
        eq(objects.kind, kind),
        eq(objects.name, name),
        or(eq(fromRevision, revisions.id), eq(toRevision, revisions.id)),
      ),
    )
}

/** One revision, if it is there, as a page. */
export async function readRevision(db: NodePgDatabase, id: number): Promise<RevisionPage> {
  const items = await db.select().from(revisions).where(eq(revisions.id, id))
  return { items, oldest: await oldestRevision(db) }
}

/** The revision that was the newest at a point; throws `not_found` where there was none yet. */
export async function revisionAt(db: NodePgDatabase, point: Point): Promise<number> {
  if ('revision' in point) {
    const newest = await newestRevision(db)
    if (point.revision >= 1 && point.revision <= newest) return point.revision
    const remedy = newest === 0 ? 'nothing was written yet' : `the newest one is ${newest}`
    throw absent('not_found', `There is no revision ${point.revision}.`, remedy)
  }
  const [last] = await db
    .select({ id: revisions.id })
    .from(revisions)
    // Times are told to the millisecond, and kept more finely.
    .where(lt(revisions.at, new Date(point.time.getTime() + 1)))
    .orderBy(desc(revisions.id))
    .limit(1)
  if (last !== undefined) return last.id
  const oldest = await oldestRevision(db)
  if (oldest > 1) throw compacted(`The state at ${point.time.toISOString()}`, oldest)
  const [first] = await db.select().from(revisions).orderBy(asc(revisions.id)).limit(1)
  const remedy =
    first === undefined ? 'nothing was written yet' : `the first write was at ${first.at.toISOString()}`
  throw absent('not_found', `There was no revision yet at ${point.time.toISOString()}.`, remedy)
}

/** Throws `gone` where the state of a revision (0: before the first) was compacted away. To be asked after a read. */
export async function refuseCompacted(db: NodePgDatabase, revision: number): Promise<void> {
  const oldest = await oldestRevision(db)
  const nothingGone = oldest === 1
  if (revision < oldest && !nothingGone) throw compacted(`The state of revision ${revision}`, oldest)
}

/** What differs between two revisions, by kind and name. Costs what changed between them, not what there is. */
export async function differences(db: NodePgDatabase, from: number, to: number): Promise<Difference[]> {
  const [low, high] = from <= to ? [from, to] : [to, from]
  // A row that began or ended in between, and is valid at one end; one valid at both ends did neither.
  const rows = await db
    .select()
    .from(objects)
    .where(
      or(
        and(lte(objects.fromRevision, low), gt(objects.toRevision, low), lte(objects.toRevision, high)),
        and(
          gt(objects.fromRevision, low),
          lte(objects.fromRevision, high),
          or(isNull(objects.toRevision), gt(objects.toRevision, high)),
        ),
      ),
    )
  const byId = new Map<string, Difference>()
  for (const row of rows) {
    const id = `${row.kind}/${row.name}`
    const difference = byId.get(id) ?? { kind: row.kind, name: row.name }
    byId.set(id, difference)
    const older = row.fromRevision <= low
    difference[older === from <= to ? 'before' : 'after'] = documentOf(row)
  }
  return [...byId.values()]
}

function documentOf({ kind, name, labels, owner, spec }: ObjectRow): Document {
  return { kind, name, labels, owner, spec }
}

function compacted(what: string, oldest: number): WeirError {
  return absent('gone', `${what} was compacted away.`, `the oldest one that can be read is ${oldest}`)
}

function absent(code: 'not_found' | 'gone', message: string, remedy: string): WeirError {
  return new WeirError(code, message, { problems: [{ pointer: '', message, remedy }] })
}
