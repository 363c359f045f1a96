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

/** Codes of the network and of its names, `EAI_AGAIN` among them; those of Node's own begin with `ERR_`. */
const systemErrors = /^E(?!RR_)[A-Z_]+$/

const away = 'The database cannot be reached.'
/** For work that either is done as a whole or leaves nothing. */
export const awayFromWrite = 'The database cannot be reached; nothing was written.'

/** Runs `work`; a database that is away becomes an `unavailable` error with a time to try again. */
export async function guarded<T>(work: () => Promise<T>, detail = away): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw isUnavailable(error) ? unavailable(detail, error) : error
  }
}

/** A connection that breaks at COMMIT leaves open whether it happened; whoever wrote has to look. */
export function commitUnknown(error: unknown): unknown {
  if (!isUnavailable(error)) return error
  const detail =
    'The database went away at the very end of the write: see GET /v1/revisions whether it was made.'
  return unavailable(detail, error)
}

function unavailable(detail: string, cause: unknown): WeirError {
  return new WeirError('unavailable', detail, { retryAfter: retryAfterSeconds, cause })
}

function isUnavailable(error: unknown): boolean {
  if (error instanceof WeirError) return false
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const code = (cause as { code?: unknown }).code
    const isAway =
      typeof code === 'string'
        ? unavailableStates.test(code) || systemErrors.test(code)
        : /timeout|Connection terminated|not queryable|Client was closed/i.test(cause.message)
    if (isAway) return true
  }
  return false
}
