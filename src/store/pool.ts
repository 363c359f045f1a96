import pg from 'pg'
import { messageOf, WeirError } from '../errors.ts'
import type { Observe } from '../observe.ts'

/** Seconds after which a client may try again while the database is away. */
const retryAfterSeconds = 2

/**
 * A pool whose queries are bounded in time, so that a hanging database becomes an error instead of a hang.
 * A session that dies inside a transaction cannot hold the writers' lock beyond the idle timeout.
 */
export function createPool(url: string, observe: Observe): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 3_000,
    query_timeout: 30_000,
    statement_timeout: 25_000,
    lock_timeout: 10_000,
    idle_in_transaction_session_timeout: 15_000,
    keepAlive: true,
    application_name: 'weir',
  })
  // An idle connection that breaks is replaced at its next use; without a listener it would end the process.
  pool.on('error', (error) => observe({ event: 'store_unavailable', error: messageOf(error) }))
  // The same for one that breaks between two statements of a transaction: its next statement fails.
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

/** SQLSTATE classes that say "not now": connection, resources, operator intervention, system, read-only, lock. */
const unavailableStates = /^(08|53|57|58|25006|55P03|40001|40P01)/

/** Runs `work`; a database that is away becomes an `unavailable` error with a time to try again. */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asUnavailable(error) ?? error
  }
}

/** A connection that breaks at COMMIT leaves open whether it happened; whoever wrote has to look. */
export function commitUnknown(error: unknown): unknown {
  if (asUnavailable(error) === undefined) return error
  const detail =
    'The database went away at the very end of the write: see GET /v1/revisions whether it was made.'
  return new WeirError('unavailable', detail, { retryAfter: retryAfterSeconds, cause: error })
}

function asUnavailable(error: unknown): WeirError | undefined {
  if (error instanceof WeirError) return undefined
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const code = (cause as { code?: unknown }).code
    const away =
      typeof code === 'string'
        ? unavailableStates.test(code) || /^E[A-Z]+$/.test(code)
        : /timeout|Connection terminated|not queryable|Client was closed/i.test(cause.message)
    if (away) {
      return new WeirError('unavailable', 'The database cannot be reached; nothing was written.', {
        retryAfter: retryAfterSeconds,
        cause: error,
      })
    }
  }
  return undefined
}
