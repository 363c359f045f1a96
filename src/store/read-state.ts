import { and, eq, gt, isNull, lte, or, type SQL, sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import { idOf } from '../model/document.ts'
import type { Kind } from '../model/kind.ts'
import { emptyState, find, type Replacement, replace, type State } from '../model/state.ts'
import type { Observe } from '../observe.ts'
import { heldRows } from './held-rows.ts'
import { readRow } from './rows.ts'
import { history, type ObjectRow, objects, revisions } from './tables.ts'

export type Transaction = Parameters<Parameters<NodePgDatabase['transaction']>[0]>[0]
export type Reader = NodePgDatabase | Transaction

/** What of a state is wanted; all of it where nothing is named. */
export interface Part {
  kind?: string
  name?: string
  owner?: string
  /** Labels that each object has. */
  labels?: Record<string, string>
  /** Names behind this one, in byte order, and how many of them. */
  after?: string
  limit?: number
}

export interface LoadedState {
  state: State
  /** `Kind/name` of rows that this program cannot read, which are left out. */
  unreadable: string[]
}

/** Reads states from the rows; keeps nothing. */
export function createStateReader(kinds: readonly Kind[], observe: Observe) {
  /** Nothing where this program cannot read the row. */
  function readable({ kind, name, ...row }: ObjectRow): Replacement[] {
    const { object } = readRow(kinds, { kind, name, ...row })
    return object === undefined ? [] : [{ kind, name, object }]
  }

  /** A row that this program cannot read is named, so that it freezes nothing else. */
  function replacementOf(row: ObjectRow): Replacement[] {
    const { object, problems } = readRow(kinds, row)
    if (object !== undefined) return [{ kind: row.kind, name: row.name, object }]
    const error = problems.map(({ pointer, message }) => `${pointer}: ${message}`).join('; ')
    observe({ event: 'row_unreadable', kind: row.kind, name: row.name, error })
    return []
  }

  /** The newest state, of a replica that starts: what cannot be read is held in its last form that can. */
  async function newest(reader: Reader, revision: number): Promise<State> {
    const { rows, state } = await present(reader, revision)
    const unreadable = rows.filter(({ kind, name }) => find(state, kind, name) === undefined)
    if (unreadable.length === 0) return state
    return replace(state, revision, await heldRows(reader, unreadable, readable))
  }

  /** The state, or a part of it, as it was at a revision that is not compacted away. */
  async function load(reader: Reader, revision: number, part: Part = {}): Promise<LoadedState> {
    const { rows, state } = await present(reader, revision, part)
    const unreadable = rows.filter(({ kind, name }) => find(state, kind, name) === undefined)
    return { state, unreadable: unreadable.map(idOf) }
  }

  async function present(
    reader: Reader,
    revision: number,
    part: Part = {},
  ): Promise<{ rows: ObjectRow[]; state: State }> {
    const query = reader
      .select()
      .from(objects)
      .where(
        and(
          ...inPart(part),
          lte(objects.fromRevision, revision),
          or(isNull(objects.toRevision), gt(objects.toRevision, revision)),
        ),
      )
    const rows = await (part.limit === undefined ? query : query.orderBy(byteOrder).limit(part.limit))
    return { rows, state: replace({ ...emptyState, revision }, revision, rows.flatMap(replacementOf)) }
  }

  /** The state at `revision`, from that of an earlier one. */
  async function advance(reader: Reader, base: State, revision: number): Promise<State> {
    const ended = await reader
      .select({ kind: objects.kind, name: objects.name })
      .from(objects)
      .where(and(gt(objects.toRevision, base.revision), lte(objects.toRevision, revision)))
    const begun = await reader
      .select()
      .from(objects)
      .where(
        and(
          gt(objects.fromRevision, base.revision),
          lte(objects.fromRevision, revision),
          or(isNull(objects.toRevision), gt(objects.toRevision, revision)),
        ),
      )
    // What ended before the oldest kept revision left no row, so that a replica that slept longer starts anew.
    if (base.revision < (await oldestRevision(reader))) return newest(reader, revision)
    const readable = begun.flatMap(replacementOf)
    // An object whose new form cannot be read keeps its last good one.
    const read = new Set(readable.map(idOf))
    const held = new Set(begun.map(idOf).filter((id) => !read.has(id)))
    const gone = ended.filter((object) => !held.has(idOf(object)))
    return replace(base, revision, [...gone.map((object) => ({ ...object, object: null })), ...readable])
  }

  return { load, newest, advance }
}

/** As the model compares names, whatever the database's locale. */
const byteOrder = sql`${objects.name} collate "C"`

function inPart({ kind, name, owner, labels, after }: Part): (SQL | undefined)[] {
  return [
    kind === undefined ? undefined : eq(objects.kind, kind),
    name === undefined ? undefined : eq(objects.name, name),
    owner === undefined ? undefined : eq(objects.owner, owner),
    labels === undefined ? undefined : sql`${objects.labels} @> ${JSON.stringify(labels)}::jsonb`,
    after === undefined ? undefined : sql`${byteOrder} > ${after}`,
  ]
}

export async function newestRevision(reader: Reader): Promise<number> {
  const [row] = await reader.select({ id: sql<string | null>`max(${revisions.id})` }).from(revisions)
  return Number(row?.id ?? 0)
}

/** The oldest revision whose state can be read. To be asked after a read, since a compaction may run beside it. */
export async function oldestRevision(reader: Reader): Promise<number> {
  const [row] = await reader.select().from(history)
  return row?.oldest ?? 1
}
