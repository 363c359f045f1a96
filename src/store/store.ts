import { desc, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import type { Pool } from 'pg'
import { type Problem, WeirError } from '../errors.ts'
import type { Kind } from '../model/kind.ts'
import type { Change, Edit, WritePlan } from '../model/plan-write.ts'
import { emptyState, type State } from '../model/state.ts'
import type { Observe } from '../observe.ts'
import type { SecretRow } from '../secrets/rows.ts'
import type { Rotation, Secrets } from '../secrets/secrets.ts'
import { type Compaction, compact, type Retention } from './compaction.ts'
import {
  type Difference,
  differences,
  type Point,
  type RevisionPage,
  readRevision,
  readRevisions,
  refuseCompacted,
  revisionAt,
} from './history.ts'
import { type KeptWrite, keepAnswer, keepWrite, keptWrite, type Once } from './idempotency.ts'
import { locks, revisionChannel } from './locks.ts'
import { commitUnknown, guarded } from './pool.ts'
import {
  createStateReader,
  type LoadedState,
  newestRevision,
  type Part,
  type Reader,
  type Transaction,
} from './read-state.ts'
import { insertSecrets, secretRows } from './secret-rows.ts'
import { type RevisionRow, revisions } from './tables.ts'
import { createTurns } from './turns.ts'
import { endRows, insertRows } from './write-rows.ts'

/** How long a write waits for those before it. */
const writerWaitMs = 10_000

export interface Write {
  author: string
  message: string
  /**
   * What is wanted of the state that the transaction sees; called once, with the writers' lock held. Secrets may still
   * be in clear here, and nowhere later.
   */
  edits(state: State): readonly Edit[]
  /** Plans these edits on that state. Every secret of theirs is a `{secretRef}` by now. */
  plan(state: State, edits: readonly Edit[]): WritePlan
  /** Remembered with the write, which is then made at most once. */
  once?: Once
  /** Everything is checked and nothing is written. */
  dryRun?: boolean
}

export interface WriteResult {
  /** The new revision, or the current one where nothing changed. */
  revision: number
  changes: Change[]
  before: State
  after: State
  /** The answer that was kept for the first request of this key; then nothing was written now. */
  kept?: string
}

interface Planned {
  before: State
  plan: WritePlan
  /** Secrets that are new. */
  created: SecretRow[]
}

export type Store = ReturnType<typeof createStore>

/**
 * The written state and its history in PostgreSQL. One write is one transaction is one revision; writers are
 * serialised over all replicas by an advisory lock. While the database is away every call fails as `unavailable`.
 */
export function createStore(options: {
  pool: Pool
  kinds: readonly Kind[]
  secrets: Secrets
  observe: Observe
}) {
  const { pool, kinds, secrets, observe } = options
  const db = drizzle({ client: pool })
  const reader = createStateReader(kinds, observe)
  const turns = createTurns(writerWaitMs)
  let cached: State = emptyState
  /** A write of this replica whose commit is under way: what it makes is known here already. */
  let committing: { revision: number; settled: Promise<unknown> } | undefined

  /** Brings the cached state up to the newest revision that `from` sees. */
  async function catchUp(from: Reader): Promise<State> {
    const newest = await newestRevision(from)
    // Its notification may be here before its answer is; to wait is cheaper than to read the rows back.
    if (newest === committing?.revision) await committing.settled
    const base = cached
    if (newest === base.revision) return base
    // A database that was reset under us is read anew.
    const state =
      newest < base.revision || base.revision === 0
        ? (await reader.load(from, newest)).state
        : await reader.advance(from, base, newest)
    if (state.revision >= cached.revision || newest < cached.revision) cached = state
    return state
  }

  async function load(revision: number, part?: Part): Promise<LoadedState> {
    if (revision === cached.revision) return { state: cached, unreadable: [] }
    const loaded = await reader.load(db, revision, part)
    await refuseCompacted(db, revision)
    return loaded
  }

  async function insert(
    tx: Transaction,
    write: Write,
    plan: WritePlan,
    created: readonly SecretRow[],
  ): Promise<number> {
    const revision = plan.next.revision
    const { author, message } = write
    // Never before the revision before it, whatever the clock does: times are looked up by it.
    const [last] = await tx.select().from(revisions).orderBy(desc(revisions.id)).limit(1)
    const at = sql`greatest(clock_timestamp(), ${last?.at ?? null}::timestamptz)`
    await tx.insert(revisions).values({ id: revision, author, message, at })
    await insertSecrets(tx, created, revision)
    await endRows(tx, plan.replacements, revision)
    const rows = plan.replacements.flatMap(({ object }) => object?.document ?? [])
    await insertRows(tx, rows, revision)
    await tx.execute(sql`select pg_notify(${revisionChannel}, ${String(revision)})`)
    return revision
  }

  async function planned(tx: Reader, write: Write): Promise<Planned> {
    const before = await catchUp(tx)
    const { edits, created, problems } = await secrets.split(secretRows(tx), before, write.edits(before))
    const plan = write.plan(before, edits)
    if (problems.length + plan.problems.length > 0) throw refusal(plan, problems)
    return { before, plan, created }
  }

  async function rehearse(write: Write): Promise<WriteResult> {
    const { before, plan } = await planned(db, write)
    return { revision: before.revision, changes: plan.changes, before, after: plan.next }
  }

  async function inTurn(write: Write): Promise<WriteResult> {
    const { promise: settled, resolve: settle } = Promise.withResolvers<void>()
    try {
      const result = await inTransaction(write, (revision) => {
        committing = { revision, settled }
      })
      if (result.after.revision > cached.revision) cached = result.after
      return result
    } finally {
      committing = undefined
      settle()
    }
  }

  async function inTransaction(write: Write, onCommit: (revision: number) => void): Promise<WriteResult> {
    let atCommit = false
    try {
      return await db.transaction(async (tx): Promise<WriteResult> => {
        await tx.execute(sql`select pg_advisory_xact_lock(${locks.write})`)
        const kept = write.once === undefined ? undefined : await keptWrite(tx, write.once)
        if (kept !== undefined) return repeated(kept)
        const { before, plan, created } = await planned(tx, write)
        const { changes } = plan
        const effective = plan.replacements.length > 0
        const revision = effective ? await insert(tx, write, plan, created) : before.revision
        if (write.once !== undefined) await keepWrite(tx, write.once, { revision, changes })
        atCommit = true
        if (effective) onCommit(revision)
        return { revision, changes, before, after: effective ? plan.next : before }
      })
    } catch (error) {
      throw atCommit ? commitUnknown(error) : error
    }
  }

  /** The write was made before: what it did, read back where its answer was not kept yet. */
  async function repeated({ revision, changes, answer }: KeptWrite): Promise<WriteResult> {
    if (answer !== null) return { revision, changes, before: cached, after: cached, kept: answer }
    const effective = changes.some(({ action }) => action !== 'unchanged')
    const { state: after } = await load(revision)
    const before = effective && revision > 1 ? (await load(revision - 1)).state : after
    return { revision, changes, before, after }
  }

  return {
    /** The newest state. */
    current: (): Promise<State> => guarded(() => catchUp(db)),

    /** The state, or a part of it, as it was at a revision; throws `gone` where that was compacted away. */
    at: (revision: number, part?: Part): Promise<State> =>
      guarded(async () => (await load(revision, part)).state),

    /** The same with what this program cannot read of it. */
    loaded: (revision: number, part?: Part): Promise<LoadedState> => guarded(() => load(revision, part)),

    /** Plans and commits one write; throws what `plan` refuses, leaving nothing behind. */
    write: (write: Write): Promise<WriteResult> =>
      guarded(async () => {
        if (write.dryRun) return rehearse(write)
        const latest = cached.revision
        const result = await turns.take(() => inTurn(write))
        if (result.after !== result.before && result.revision > latest && result.kept === undefined) {
          const { revision, changes } = result
          observe({ event: 'revision_written', revision, author: write.author, changes: changes.length })
        }
        return result
      }),

    /** Keeps the answer of a write that may be sent again; answers with the one that was kept first. */
    keepAnswer: (once: Once, answer: string): Promise<string> => guarded(() => keepAnswer(db, once, answer)),

    /** A page of revisions, newest first. */
    revisions: (page: { limit: number; before?: number }): Promise<RevisionPage> =>
      guarded(() => readRevisions(db, page)),

    /** One revision, if it is there. */
    revision: (id: number): Promise<RevisionRow | undefined> => guarded(() => readRevision(db, id)),

    /** The revision that was the newest at a point; throws `not_found` where there was none, or not yet. */
    revisionAt: (point: Point): Promise<number> => guarded(() => revisionAt(db, point)),

    /** What differs between two revisions; throws `gone` where one of them was compacted away. */
    differences: (from: number, to: number): Promise<Difference[]> =>
      guarded(async () => {
        const found = await differences(db, from, to)
        await refuseCompacted(db, Math.min(from, to))
        return found
      }),

    /** Deletes the history that is older than what is to be kept; nothing where another replica is at it. */
    compact: (retention: Retention): Promise<Compaction | undefined> =>
      guarded(async () => {
        const done = await compact(pool, retention)
        if (done !== undefined) observe({ event: 'compacted', ...done })
        return done
      }),

    /** Makes the first keys of secrets, or checks that those in force are known; a start-up error where not. */
    unlockSecrets: (): Promise<{ inForce: string; preferred: string }> =>
      guarded(() =>
        db.transaction(async (tx) => {
          await tx.execute(sql`select pg_advisory_xact_lock(${locks.write})`)
          return secrets.unlock(secretRows(tx))
        }),
      ),

    /** Puts all secrets under another master key; all or none of them. */
    rotateSecrets: (): Promise<Rotation> =>
      guarded(async () => {
        const rotation = await turns.take(() =>
          db.transaction(async (tx) => {
            await tx.execute(sql`select pg_advisory_xact_lock(${locks.write})`)
            return secrets.rotate(secretRows(tx))
          }),
        )
        secrets.forgetOthers(rotation.to)
        observe({ event: 'secrets_rotated', ...rotation })
        return rotation
      }),

    /** Throws `unavailable` unless the database answers. */
    ping: (): Promise<void> =>
      guarded(async () => {
        await db.execute(sql`select 1`)
      }),
  }
}

function refusal(plan: WritePlan, ofSecrets: readonly Problem[]): WeirError {
  const problems = [...ofSecrets, ...plan.problems]
  return plan.referenced && ofSecrets.length === 0
    ? new WeirError('referenced', 'Other objects still refer to what would be deleted.', { problems })
    : new WeirError('invalid', 'The documents were refused; nothing was written.', { problems })
}
