import { sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { Secrets, Unlocked } from '../secrets/secrets.ts'
import { locks } from './locks.ts'
import { anyReplica } from './replicas.ts'
import { secretRows } from './secret-rows.ts'

export interface UnlockOptions {
  /** Its counters are nobody else's. */
  isAlone: boolean
  /** Milliseconds without a sign of life after which another process has ended. */
  staleMs: number
}

/** Makes the first keys, or checks that those in force are at hand. Whoever else lives counts by them: then it is not alone. */
export function unlock(
  db: NodePgDatabase,
  secrets: Secrets,
  { isAlone, staleMs }: UnlockOptions = { isAlone: true, staleMs: 0 },
): Promise<Unlocked> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${locks.write})`)
    return secrets.unlock(secretRows(tx), { isAlone: isAlone && !(await anyReplica(tx, staleMs)) })
  })
}
