import { and, desc, eq, gt, isNull, lt, lte, or, sql } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { Pool } from 'pg'
import { WeirError } from '../errors.ts'
import type { Kind } from '../model/kind.ts'
import type { Change, WritePlan } from '../model/plan-write.ts'
import { emptyState, type Replacement, replace, type State } from '../model/state.ts'
import type { Observe } from '../observe.ts'
import { locks, revisionChannel } from './locks.ts'
import { commitUnknown, guarded } from './pool.ts'
import { readRow } from './rows.ts'
import { type ObjectRow, objects, type RevisionRow, revisions } from './tables.ts'
import { createTurns } from './turns.ts'

type Transaction = Parameters<Parameters<NodePgDatabase['transaction']>[0]>[0]
type Reader = NodePgDatabase | Transaction

/** Rows a statement: PostgreSQL takes at most 65,535 parameters. */
const insertBatch = 2_000

/** How long a write waits for those before it. */
const writerWaitMs = 10_000

export interface Write {
  author: string
  message: string
  /** Plans the write on the state that the transaction sees; called once, with the writers' lock held. */
  plan(state: State): WritePlan
}

export interface WriteResult {
  /** The new revision, or the current one where nothing changed. */
  revision: number
  changes: Change[]
  before: State
  after: State
}

/** What was written and when, newest first. */
export interface RevisionPage {
  items: RevisionRow[]
  /** Pass as `before` for the next page; absent on the last one. */
  next?: number
}

export type Store = ReturnType<typeof createStore>

/**
 * The written state and its history in PostgreSQL. One write is one transaction is one revision; writers are
 * serialised over all replicas by an advisory lock. While the database is away every call fails as `unavailable`.
 */
export function createStore(options: { pool: Pool; kinds: readonly Kind[]; observe: Observe }) {
  const { pool, kinds, observe } = options
  const db = drizzle({ client: pool })
  let cached: State = emptyState
  const turns = createTurns(writerWaitMs)

  /** Brings the cached state up to the newest revision that `reader` sees. */
  async function catchUp(reader: Reader): Promise<State> {
    const newest = await newestRevision(reader)
    const base = cached
    if (newest === base.revision) return base
    // A database that was reset under us is read anew.
    const state =
      newest < base.revision || base.revision === 0
        ? await load(reader, newest)
        : await advance(reader, base, newest)
    if (state.revision >= cached.revision || newest < cached.revision) cached = state
    return state
  }

  async function load(reader: Reader, revision: number): Promise<State> {
    const rows = await reader
      .select()
      .from(objects)
      .where(
        and(
          lte(objects.fromRevision, revision),
          or(isNull(objects.toRevision), gt(objects.toRevision, revision)),
        ),
      )
    return replace({ ...emptyState, revision }, revision, rows.flatMap(replacementOf))
  }

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
    const removals: Replacement[] = ended.map(({ kind, name }) => ({ kind, name, object: null }))
    return replace(base, revision, [...removals, ...begun.flatMap(replacementOf)])
  }

  /** A row that this program cannot read is named and left out, so that it freezes nothing else. */
  function replacementOf(row: ObjectRow): Replacement[] {
    const { object, problems } = readRow(kinds, row)
    if (object !== undefined) return [{ kind: row.kind, name: row.name, object }]
    const error = problems.map(({ pointer, message }) => `${pointer}: ${message}`).join('; ')
    observe({ event: 'row_unreadable', kind: row.kind, name: row.name, error })
    return []
  }

  async function insert(tx: Transaction, write: Write, plan: WritePlan): Promise<number> {
    const revision = plan.next.revision
    await tx.insert(revisions).values({ id: revision, author: write.author, message: write.message })
    await endRows(tx, plan.replacements, revision)
    const rows = plan.replacements.flatMap(({ object }) =>
      object === null ? [] : [{ ...object.document, fromRevision: revision, toRevision: null }],
    )
    for (let start = 0; start < rows.length; start += insertBatch) {
      await tx.insert(objects).values(rows.slice(start, start + insertBatch))
    }
    await tx.execute(sql`select pg_notify(${revisionChannel}, ${String(revision)})`)
    return revision
  }

  async function inTransaction(write: Write): Promise<WriteResult> {
    let committing = false
    try {
      return await db.transaction(async (tx): Promise<WriteResult> => {
        await tx.execute(sql`select pg_advisory_xact_lock(${locks.write})`)
        const before = await catchUp(tx)
        const plan = write.plan(before)
        if (plan.problems.length > 0) throw refusal(plan)
        const { changes } = plan
        if (plan.replacements.length === 0)
          return { revision: before.revision, changes, before, after: before }
        const revision = await insert(tx, write, plan)
        committing = true
        return { revision, changes, before, after: plan.next }
      })
    } catch (error) {
      throw committing ? commitUnknown(error) : error
    }
  }

  return {
    /** The newest state. */
    current: (): Promise<State> => guarded(() => catchUp(db)),

    /** The state as it was at a revision. */
    at: (revision: number): Promise<State> => guarded(() => load(db, revision)),

    /** Plans and commits one write; throws what `plan` refuses, leaving nothing behind. */
    write: (write: Write): Promise<WriteResult> =>
      guarded(async () => {
        const result = await turns.take(() => inTransaction(write))
        if (result.after.revision > cached.revision) cached = result.after
        if (result.after !== result.before) {
          const { revision, changes } = result
          observe({ event: 'revision_written', revision, author: write.author, changes: changes.length })
        }
        return result
      }),

    /** A page of revisions, newest first. */
    revisions: ({ limit, before }: { limit: number; before?: number }): Promise<RevisionPage> =>
      guarded(async () => {
        const items = await db
          .select()
          .from(revisions)
          .where(before === undefined ? undefined : lt(revisions.id, before))
          .orderBy(desc(revisions.id))
          .limit(limit + 1)
        if (items.length <= limit) return { items }
        const page = items.slice(0, limit)
        return { items: page, next: page.at(-1)!.id }
      }),

    /** One revision, if it is there. */
    revision: (id: number): Promise<RevisionRow | undefined> =>
      guarded(async () => (await db.select().from(revisions).where(eq(revisions.id, id)))[0]),

    /** Throws `unavailable` unless the database answers. */
    ping: (): Promise<void> =>
      guarded(async () => {
        await db.execute(sql`select 1`)
      }),
  }
}

async function newestRevision(reader: Reader): Promise<number> {
  const [row] = await reader.select({ id: sql<string | null>`max(${revisions.id})` }).from(revisions)
  return Number(row?.id ?? 0)
}

async function endRows(
  tx: Transaction,
  replacements: readonly Replacement[],
  revision: number,
): Promise<void> {
  const kinds = replacements.map(({ kind }) => kind)
  const names = replacements.map(({ name }) => name)
  await tx.execute(sql`
    update objects set to_revision = ${revision}
    from unnest(${sql.param(kinds)}::text[], ${sql.param(names)}::text[]) as gone (kind, name)
    where objects.kind = gone.kind and objects.name = gone.name and objects.to_revision is null`)
}

function refusal(plan: WritePlan): WeirError {
  return plan.referenced
    ? new WeirError('referenced', 'Other objects still refer to what would be deleted.', {
        problems: plan.problems,
      })
    : new WeirError('invalid', 'The documents were refused; nothing was written.', {
        problems: plan.problems,
      })
}
