import { drizzle } from 'drizzle-orm/node-postgres'
import type { Pool, PoolClient } from 'pg'
import { withClient } from './database.ts'
import { forgetSecrets } from './forget-secrets.ts'
import { forgetExpired } from './idempotency.ts'
import { locks } from './locks.ts'

/** How much of the history stays readable. */
export interface Retention {
  /** How many revisions at most, the newest included; more while a rollout holds Envoys at an older one. */
  revisions: number
  /** A state that was in force within so many milliseconds is kept as far as the number allows. */
  ageMs: number
}

export interface Compaction {
  /** The oldest revision whose state can still be read. */
  oldest: number
  /** Rows deleted. */
  objects: number
  revisions: number
  secrets: number
  keys: number
}

/** Rows a statement, so that none of them holds locks for long. */
const batch = 5_000

/**
 * Takes away the states before the oldest revision to keep: first it is said that they are gone, then their rows are
 * deleted, so that a reader beside it, or a crash in the middle, never sees half a state. Revisions that an object or
 * a secret still names stay as facts. Nothing is answered where another replica is at it.
 */
export async function compact(pool: Pool, retention: Retention): Promise<Compaction | undefined> {
  return withClient(pool, async (client) => {
    const { rows } = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [
      locks.compact,
    ])
    if (!rows[0]!.mine) return undefined
    try {
      return await compactLocked(client, retention)
    } finally {
      await client.query('select pg_advisory_unlock($1)', [locks.compact])
    }
  })
}

async function compactLocked(client: PoolClient, retention: Retention): Promise<Compaction> {
  const oldest = await moveOldest(client, retention)
  const objects = await inBatches(
    client,
    `delete from objects where ctid = any(array(
       select ctid from objects where to_revision <= $1 limit ${batch}))`,
    oldest,
  )
  await client.query(
    `delete from quarantine q where not exists (
       select from objects o where (o.kind, o.name, o.from_revision) = (q.kind, q.name, q.revision))`,
  )
  const secrets = await forgetSecrets(client, oldest)
  const revisions = await inBatches(
    client,
    `delete from revisions where id = any(array(
       select id from revisions r where id < $1
         and not exists (select from objects where from_revision = r.id)
         and not exists (select from objects where to_revision = r.id)
         and not exists (select from secrets where from_revision = r.id)
       limit ${batch}))`,
    oldest,
  )
  return { oldest, objects, revisions, secrets, keys: await forgetExpired(drizzle({ client })) }
}

/**
 * The state that was in force at the edge of the age is the oldest one kept, or an older one that Envoys still have; it
 * never moves back. What the Envoys have instead of a form that they refuse is kept, with what it names and its secrets, for
 * as long as that is so.
 */
async function moveOldest(client: PoolClient, { revisions, ageMs }: Retention): Promise<number> {
  const { rows } = await client.query<{ oldest: string }>(
    `update history set oldest = greatest(oldest, least(
       (select min(base) from rollouts),
       greatest(
         (select max(id) from revisions) - $1::bigint + 1,
         (select max(id) from revisions where at <= clock_timestamp() - make_interval(secs => $2 / 1000.0))),
       (select min(good.to_revision) - 1 from quarantine q
         join objects present on (present.kind, present.name, present.from_revision) = (q.kind, q.name, q.revision)
           and present.to_revision is null
         join objects good on (good.kind, good.name, good.from_revision) = (q.kind, q.name, q.good)
         where not q.accepted)))
     returning oldest`,
    [revisions, ageMs],
  )
  return Number(rows[0]!.oldest)
}

async function inBatches(client: PoolClient, statement: string, oldest: number): Promise<number> {
  let deleted = 0
  for (;;) {
    const { rowCount } = await client.query(statement, [oldest])
    deleted += rowCount ?? 0
    if ((rowCount ?? 0) < batch) return deleted
  }
}
