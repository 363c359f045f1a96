import { desc, sql } from 'drizzle-orm'
import type { Pool } from 'pg'
import { type Problem, WeirError } from '../errors.ts'
import type { Kind } from '../model/kind.ts'
import type { Change, WritePlan } from '../model/plan-write.ts'
import type { SecretText } from '../model/secret-text.ts'
import type { State } from '../model/state.ts'
import type { Observe } from '../observe.ts'
import type { SecretRow } from '../secrets/rows.ts'
import type { Rotation, Secrets, Unlocked } from '../secrets/secrets.ts'
import { type Compaction, compact, type Retention } from './compaction.ts'
import { openDatabase } from './database.ts'
import { createExchanges } from './exchanges.ts'
import {
  type Difference,
  differences,
  type Point,
  type RevisionPage,
  type RevisionQuery,
  readRevision,
  readRevisions,
  refuseCompacted,
  revisionAt,
} from './history.ts'
import { type KeptWrite, keepWrite, keptWrite, type Once } from './idempotency.ts'
import { readLastEndpoints } from './last-endpoints.ts'
import { locks, revisionChannel } from './locks.ts'
import { awayFromWrite, commitUnknown, guarded } from './pool.ts'
import {
  createStateReader,
  type LoadedState,
  type Part,
  type Reader,
  type Transaction,
} from './read-state.ts'
import { noteRollouts, rolloutTable } from './rollouts.ts'
import { insertSecrets, secretRows } from './secret-rows.ts'
import { createStateCache } from './state-cache.ts'
import { revisions } from './tables.ts'
import { createTurns } from './turns.ts'
import { type UnlockOptions, unlock } from './unlock.ts'
import type { MadeWrite, Write, WriteResult } from './write.ts'
import { endRows, insertRows } from './write-rows.ts'

/** How long a write waits for those before it. */
const writerWaitMs = 10_000

interface Planned {
  before: State
  plan: WritePlan
  /** Secrets that are new. */
  created: SecretRow[]
}

/** What a turn in the transaction came to: a write, or that it was made before. */
type Outcome = { written: WriteResult } | { kept: KeptWrite }

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
  const db = openDatabase(pool)
  const reader = createStateReader(kinds, observe)
  const turns = createTurns(writerWaitMs)
  const cache = createStateCache(reader)

  async function load(revision: number, part?: Part): Promise<LoadedState> {
    const newest = cache.state()
    if (revision === newest.revision) return { state: newest, unreadable: [] }
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
    const before = await cache.catchUp(tx)
    const how = write.dryRun ? 'rehearsal' : 'write'
    const wished = write.edits(before)
    const { edits, created, problems } = await secrets.split(secretRows(tx), before, wished, how)
    const plan = write.plan(before, edits)
    if (problems.length + plan.problems.length > 0) throw refusal(plan, problems)
    write.permit?.(before, plan)
    return { before, plan, created }
  }

  async function rehearse(write: Write): Promise<WriteResult> {
    const { before, plan } = await planned(db, write)
    return { revision: before.revision, changes: plan.changes, before, after: plan.next }
  }

  async function inTransaction(write: Write, commits: (next: State) => void): Promise<Outcome> {
    let atCommit = false
    try {
      return await db.transaction(async (tx): Promise<Outcome> => {
        await tx.execute(sql`select pg_advisory_xact_lock(${locks.write})`)
        const kept = write.once === undefined ? undefined : await keptWrite(tx, write.once)
        if (kept !== undefined) return { kept }
        const { before, plan, created } = await planned(tx, write)
        const { changes } = plan
        const effective = plan.replacements.length > 0
        const revision = effective ? await insert(tx, write, plan, created) : before.revision
        if (effective) await noteRollouts(tx, before, plan.next)
        if (write.once !== undefined) await keepWrite(tx, write.once, { revision, effective, changes })
        atCommit = true
        if (effective) commits(plan.next)
        return { written: { revision, changes, before, after: effective ? plan.next : before } }
      })
    } catch (error) {
      throw atCommit ? commitUnknown(error) : error
    }
  }

  /** What a write that was made before did, read back from the history as far as that is there. */
  async function made({ revision, effective, changes }: KeptWrite): Promise<MadeWrite> {
    const earlier = effective ? revision - 1 : revision
    try {
      const { state: after } = await load(revision)
      const before = effective ? (await load(earlier)).state : after
      // A longer list that changed nothing left no trace of what it named.
      if (changes === null && !effective) return { revision, changes: [], before, after, vague: true }
      return { revision, changes: changes ?? (await changesBetween(earlier, revision)), before, after }
    } catch (error) {
      if (!(error instanceof WeirError && error.code === 'gone')) throw error
      const newest = await cache.catchUp(db)
      return { revision, changes: changes ?? [], before: newest, after: newest, compacted: true, vague: true }
    }
  }

  async function changesBetween(from: number, to: number): Promise<Change[]> {
    return (await differencesBetween(from, to)).map(({ kind, name, before, after }) => ({
      kind,
      name,
      action: before === undefined ? 'created' : after === undefined ? 'deleted' : 'updated',
    }))
  }

  async function differencesBetween(from: number, to: number): Promise<Difference[]> {
    const found = await differences(db, from, to)
    await refuseCompacted(db, Math.min(from, to))
    return found
  }

  return {
    /** The newest state. */
    current: (): Promise<State> => guarded(() => cache.catchUp(db)),

    /** Resolves once no write of this replica is under way or waits, and after `mostMs` in any case. */
    idle: (mostMs: number): Promise<void> => turns.idle(mostMs),

    /** The state, or a part of it, as it was at a revision; throws `gone` where that was compacted away. */
    at: (revision: number, part?: Part): Promise<State> =>
      guarded(async () => (await load(revision, part)).state),

    /** The same with what this program cannot read of it. */
    loaded: (revision: number, part?: Part): Promise<LoadedState> => guarded(() => load(revision, part)),

    /** Plans and commits one write; throws what `plan` refuses, leaving nothing behind. */
    write: (write: Write): Promise<WriteResult | MadeWrite> =>
      guarded(async () => {
        if (write.dryRun) return rehearse(write)
        const outcome = await turns.take(() => cache.during((commits) => inTransaction(write, commits)))
        if ('kept' in outcome) return made(outcome.kept)
        const { revision, changes, before, after } = outcome.written
        if (after !== before)
          observe({ event: 'revision_written', revision, author: write.author, changes: changes.length })
        return outcome.written
      }, awayFromWrite),

    /** The write under a key, if it was made before; throws `invalid` where another request has the key. */
    made: (once: Once): Promise<MadeWrite | undefined> =>
      guarded(async () => {
        const kept = await keptWrite(db, once)
        return kept === undefined ? undefined : made(kept)
      }),

    /** What the write of a revision did, as far as its states are kept. */
    written: (revision: number): Promise<MadeWrite> =>
      guarded(() => made({ revision, effective: true, changes: null })),

    /** A page of revisions, newest first. */
    revisions: (page: RevisionQuery): Promise<RevisionPage> => guarded(() => readRevisions(db, page)),

    /** A page of that revision alone, if it is there. */
    revision: (id: number): Promise<RevisionPage> => guarded(() => readRevision(db, id)),

    /** The revision that was the newest at a point; throws `not_found` where there was none, or not yet. */
    revisionAt: (point: Point): Promise<number> => guarded(() => revisionAt(db, point)),

    /** What differs between two revisions; throws `gone` where one of them was compacted away. */
    differences: (from: number, to: number): Promise<Difference[]> =>
      guarded(() => differencesBetween(from, to)),

    /** Deletes the history that is older than what is to be kept; nothing where another replica is at it. */
    compact: (retention: Retention): Promise<Compaction | undefined> =>
      guarded(async () => {
        const done = await compact(pool, retention)
        if (done !== undefined) observe({ event: 'compacted', ...done })
        return done
      }),

    /** Makes the first keys of secrets, or checks that those in force are known; a start-up error where not. */
    unlockSecrets: (how?: UnlockOptions): Promise<Unlocked> => guarded(() => unlock(db, secrets, how)),

    /** Encrypted secrets in clear, by id; without those that cannot be opened. */
    secretTexts: (ids: readonly string[]): Promise<Map<string, SecretText>> =>
      guarded(() => secrets.texts(secretRows(db), ids)),

    /** The last endpoints of clusters whose list is empty. */
    lastEndpoints: (names: readonly string[]) => guarded(() => readLastEndpoints(db, names)),

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

    ...createExchanges(db),

    ...rolloutTable(db),

    /** Throws `unavailable` unless the database answers. */
    ping: (): Promise<void> => guarded(async () => void (await db.execute(sql`select 1`))),
  }
}

function refusal(plan: WritePlan, ofSecrets: readonly Problem[]): WeirError {
  const problems = [...ofSecrets, ...plan.problems]
  return plan.referenced && ofSecrets.length === 0
    ? new WeirError('referenced', 'Other objects still refer to what would be deleted.', { problems })
    : new WeirError('invalid', 'The documents were refused; nothing was written.', { problems })
}
