/** A secret as it is kept; `pointer` is its place in the document (`placed.ts`). */
export interface SecretRow {
  id: string
  kind: string
  name: string
  pointer: string
  /** Of the master key around `ciphertext`, or of the hash key behind `keyedHash`. */
  keyId: string
  ciphertext: Buffer | null
  keyedHash: Buffer | null
}

/** The key by which API keys are hashed, encrypted under the master key `keyId`, which thereby is the one in force. */
export interface HashKeyRow {
  id: string
  keyId: string
  wrapped: Buffer
}

/** What is asked of the database, all within one transaction. */
export interface SecretRows {
  byId(ids: readonly string[]): Promise<SecretRow[]>
  byHash(hashes: readonly Buffer[]): Promise<SecretRow[]>
  any(): Promise<boolean>
  /** All that are encrypted, in batches. */
  encrypted(): AsyncIterable<SecretRow[]>
  hashKey(): Promise<HashKeyRow | undefined>
  putHashKey(row: HashKeyRow): Promise<void>
  /** Changes `keyId` and `ciphertext` of rows that are there. */
  rewrap(rows: readonly SecretRow[]): Promise<void>
}
