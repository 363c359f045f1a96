import { and, eq, gt, sql } from 'drizzle-orm'
import { WeirError } from '../errors.ts'
import type { Change } from '../model/plan-write.ts'
import type { Reader, Transaction } from './read-state.ts'
import { idempotencyKeys } from './tables.ts'

/** How a write that may be sent again is known. */
export interface Once {
  key: string
  /** Keyed digest of the request that carries the key. */
  fingerprint: Buffer
}

/** What the write under a key did. */
export interface KeptWrite {
  revision: number
  /** Whether it made that revision, or found it so already. */
  effective: boolean
  /** Null where there were too many to be kept. */
  changes: Change[] | null
}

/** How long a key is remembered. */
const keptHours = 24
/** A full table refuses new keys: forgetting an old one before its time could make a write twice. */
const maxKeys = 100_000
/** Of JSON, so that all keys together keep 400 MB at most. A longer list of changes is read from the history. */
export const maxChangesBytes = 4_096

/** The write under that key, if it was made; throws `invalid` where another request has the key. */
export async function keptWrite(tx: Reader, once: Once): Promise<KeptWrite | undefined> {
  const [row] = await tx
    .select()
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.key, once.key), gt(idempotencyKeys.at, expiry)))
  if (row === undefined) return undefined
  if (!row.fingerprint.equals(once.fingerprint)) {
    throw keyProblem(
      'invalid',
      'The Idempotency-Key was used for another request.',
      'send a new key with every new request, and the same request with the same key',
    )
  }
  const { revision, effective, changes } = row
  return { revision, effective, changes }
}

/** Remembers the key in the transaction of its write. */
export async function keepWrite(
  tx: Transaction,
  { key, fingerprint }: Once,
  { revision, effective, changes }: { revision: number; effective: boolean; changes: Change[] },
): Promise<void> {
  await forgetExpired(tx)
  if ((await tx.$count(idempotencyKeys)) >= maxKeys) {
    throw keyProblem(
      'unavailable',
      `There are ${maxKeys} idempotency keys of the last ${keptHours} hours.`,
      'write without a key, or try again later',
    )
  }
  const kept = Buffer.byteLength(JSON.stringify(changes)) > maxChangesBytes ? null : changes
  const at = sql`clock_timestamp()`
  await tx.insert(idempotencyKeys).values({ key, fingerprint, revision, effective, changes: kept, at })
}

export async function forgetExpired(db: Reader): Promise<number> {
  const { rowCount } = await db.delete(idempotencyKeys).where(sql`${idempotencyKeys.at} <= ${expiry}`)
  return rowCount ?? 0
}

const expiry = sql`clock_timestamp() - make_interval(hours => ${keptHours})`

function keyProblem(code: 'invalid' | 'unavailable', message: string, remedy: string): WeirError {
  return new WeirError(code, message, { problems: [{ pointer: '', message, remedy }] })
}
