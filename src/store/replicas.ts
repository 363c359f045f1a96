import { and, eq, inArray, lt, ne, or, type SQL, sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { KnownReplica, Replica, ReplicaExchange } from '../model/replica.ts'
import { replicasChannel } from './locks.ts'
import { notify } from './notices.ts'
import type { Transaction } from './read-state.ts'
import { replicas } from './tables.ts'

/** Notes what one process says of itself, and answers with what is known of all. Time is the database's. */
export async function exchangeReplicas(
  db: NodePgDatabase,
  { own, leaving, tell, staleMs, forgetMs }: ReplicaExchange,
): Promise<KnownReplica[]> {
  if (own !== undefined) {
    await db.transaction(async (tx) => {
      if (leaving) await tx.delete(replicas).where(eq(replicas.id, own.id))
      else await put(tx, own, forgetMs)
      if (tell) await notify(tx, replicasChannel)
    })
  }
  const { id, name, revision, seenAt } = replicas
  const live = sql<boolean>`${seenAt} > ${ago(staleMs)}`
  return db.select({ id, name, revision, live }).from(replicas).orderBy(name, id)
}

async function put(tx: Transaction, own: Replica, forgetMs: number): Promise<void> {
  const { id, name, revision } = own
  const set = { revision, seenAt: sql`clock_timestamp()` }
  await tx
    .insert(replicas)
    .values({ id, name, ...set })
    .onConflictDoUpdate({ target: replicas.id, set })
  // Whoever was at this place before has ended. A row that another process is just deleting needs nobody else.
  const gone = and(ne(replicas.id, id), or(eq(replicas.name, name), lt(replicas.seenAt, ago(forgetMs))))
  const found = tx.select({ id: replicas.id }).from(replicas).where(gone).for('update', { skipLocked: true })
  await tx.delete(replicas).where(inArray(replicas.id, found))
}

/** Whether a process that decides requests lives, as far as its last sign of life says. */
export async function anyReplica(tx: Transaction, staleMs: number): Promise<boolean> {
  const live = sql`${replicas.seenAt} > ${ago(staleMs)}`
  return (await tx.select({ id: replicas.id }).from(replicas).where(live).limit(1)).length > 0
}

function ago(ms: number): SQL {
  return sql`clock_timestamp() - make_interval(secs => ${ms / 1000})`
}
