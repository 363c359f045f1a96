import { asc, gt, isNotNull, sql } from 'drizzle-orm'
import type { SecretRow, SecretRows } from '../secrets/rows.ts'
import type { Reader, Transaction } from './read-state.ts'
import { secretHashKey, secrets } from './tables.ts'

const batch = 2_000

/** The tables of secrets as `secrets/` asks for them, within a transaction. Nothing of it sees a secret in clear. */
export function secretRows(db: Reader): SecretRows {
  return {
    byId: (ids) =>
      ids.length === 0
        ? Promise.resolve([])
        : db
            .select()
            .from(secrets)
            .where(sql`${secrets.id} = any(${sql.param(ids)}::uuid[])`),

    byHash: (hashes) =>
      hashes.length === 0
        ? Promise.resolve([])
        : db
            .select()
            .from(secrets)
            .where(sql`${secrets.keyedHash} = any(${sql.param(hashes)}::bytea[])`),

    any: async () => (await db.select({ id: secrets.id }).from(secrets).limit(1)).length > 0,

    async *encrypted() {
      let after = '00000000-0000-0000-0000-000000000000'
      for (;;) {
        const rows = await db
          .select()
          .from(secrets)
          .where(sql`${isNotNull(secrets.ciphertext)} and ${gt(secrets.id, after)}`)
          .orderBy(asc(secrets.id))
          .limit(batch)
        if (rows.length > 0) yield rows
        if (rows.length < batch) return
        after = rows.at(-1)!.id
      }
    },

    hashKey: async () => (await db.select().from(secretHashKey))[0],

    async putHashKey(row) {
      await db
        .insert(secretHashKey)
        .values(row)
        .onConflictDoUpdate({ target: secretHashKey.singleton, set: row })
    },

    async rewrap(rows) {
      const [ids, keyIds] = [rows.map(({ id }) => id), rows.map(({ keyId }) => keyId)]
      const ciphertexts = rows.map(({ ciphertext }) => ciphertext)
      await db.execute(sql`
        update secrets set key_id = again.key_id, ciphertext = again.ciphertext
        from unnest(${sql.param(ids)}::uuid[], ${sql.param(keyIds)}::text[], ${sql.param(ciphertexts)}::bytea[])
          as again (id, key_id, ciphertext)
        where secrets.id = again.id`)
    },
  }
}

/** Stores the secrets that a revision brought; the revision's row must be there. */
export async function insertSecrets(
  tx: Transaction,
  rows: readonly SecretRow[],
  fromRevision: number,
): Promise<void> {
  for (let start = 0; start < rows.length; start += batch) {
    await tx.insert(secrets).values(rows.slice(start, start + batch).map((row) => ({ ...row, fromRevision })))
  }
}
