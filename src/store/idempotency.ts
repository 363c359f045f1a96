import { and, eq, gt, isNull, sql } from 'drizzle-orm'
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

/** What the write under a key did, and its answer as soon as that was sent. */
export interface KeptWrite {
  revision: number
  changes: Change[]
  answer: string | null
}

/** How long a key is remembered. */
const keptHours = 24
/** A full table refuses new keys: forgetting an old one before its time could make a write twice. */
const maxKeys = 100_000

/** The write under that key, if it was made; throws `invalid` where another request has the key. */
export async function keptWrite(tx: Transaction, once: Once): Promise<KeptWrite | undefined> {
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
  const { revision, changes, answer } = row
  return { revision, changes, answer }
}

/** Remembers the key in the transaction of its write. */
export async function keepWrite(
  tx: Transaction,
  { key, fingerprint }: Once,
  { revision, changes }: { revision: number; changes: Change[] },
): Promise<void> {
  await forgetExpired(tx)
  if ((await tx.$count(idempotencyKeys)) >= maxKeys) {
    throw keyProblem(
      'unavailable',
      `There are ${maxKeys} idempotency keys of the last ${keptHours} hours.`,
      'write without a key, or try again later',
    )
  }
  await tx.insert(idempotencyKeys).values({ key, fingerprint, revision, changes, at: sql`clock_timestamp()` })
}

/** Keeps the answer of the write under a key; answers with the one that was kept first. */
export async function keepAnswer(db: Reader, { key }: Once, answer: string): Promise<string> {
  const kept = await db
    .update(idempotencyKeys)
    .set({ answer })
    .where(and(eq(idempotencyKeys.key, key), isNull(idempotencyKeys.answer)))
  if (kept.rowCount === 1) return answer
  const [row] = await db.select().from(idempotencyKeys).where(eq(idempotencyKeys.key, key))
  return row?.answer ?? answer
}

export async function forgetExpired(db: Reader): Promise<number> {
  const { rowCount } = await db.delete(idempotencyKeys).where(sql`${idempotencyKeys.at} <= ${expiry}`)
  return rowCount ?? 0
}

const expiry = sql`clock_timestamp() - make_interval(hours => ${keptHours})`

function keyProblem(code: 'invalid' | 'unavailable', message: string, remedy: string): WeirError {
  return new WeirError(code, message, { problems: [{ pointer: '', message, remedy }] })
}
