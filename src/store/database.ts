import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { Pool, PoolClient } from 'pg'
import { WeirError } from '../errors.ts'

/**
 * Drizzle on a pool. Its own transactions on a pool keep the client for good when BEGIN fails (drizzle-orm#6023), so that a
 * replica that outlived ten of a database's ends could never read again; here each has a client of `withClient`.
 */
export function openDatabase(pool: Pool): NodePgDatabase {
  const db: NodePgDatabase = drizzle({ client: pool })
  const transaction: NodePgDatabase['transaction'] = (work, config) =>
    withClient(pool, (client) => drizzle({ client }).transaction(work, config))
  return Object.assign(db, { transaction })
}

/**
 * Runs `work` on a client of the pool and gives it back. One whose work failed otherwise than by a refusal of weir's own is
 * closed instead: nobody knows whether a statement still runs on it, or which transaction and locks its session holds.
 */
export async function withClient<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let isSound = false
  try {
    const result = await work(client)
    isSound = true
    return result
  } catch (error) {
    isSound = error instanceof WeirError
    throw error
  } finally {
    client.release(!isSound)
  }
}
