import { randomUUID } from 'node:crypto'
import { startupError, WeirError } from '../errors.ts'
import type { Kind } from '../model/kind.ts'
import type { Edit } from '../model/plan-write.ts'
import { hasSecrets } from '../model/secret.ts'
import { SecretText } from '../model/secret-text.ts'
import type { State } from '../model/state.ts'
import { open, rewrap } from './envelope.ts'
import { type HashKey, keyedHash, newHashKey, openHashKey, rewrapHashKey } from './hash-key.ts'
import type { Keyring } from './keyring.ts'
import type { MasterKey } from './master-key.ts'
import type { HashKeyRow, SecretRow, SecretRows } from './rows.ts'
import { type KeysInForce, type Split, splitSecrets } from './split.ts'

/** What a rotation did. */
export interface Rotation {
  /** Ids of the keys. */
  from: string
  to: string
  /** How many secrets are under the new key now. */
  secrets: number
}

export interface Unlocked {
  /** Ids of master keys. */
  inForce: string
  preferred: string
  /** 16 bytes. */
  counterKey: Buffer
}

export type Secrets = ReturnType<typeof createSecrets>

/**
 * Secrets of documents. The master key in force is the one around the database's hash key: what every replica writes is
 * under it, until a rotation puts all under another one, in one transaction. So replicas need no common moment at which
 * they learn of a key, only to know both by then.
 */
export function createSecrets(options: { kinds: readonly Kind[]; keyring: Keyring }) {
  const { keyring } = options
  const kinds = options.kinds.filter(({ spec }) => hasSecrets(spec))
  const names = new Set(kinds.map(({ kind }) => kind))

  function opened(row: SecretRow): SecretText | undefined {
    const master = keyring.find(row.keyId)
    if (master === undefined || row.ciphertext === null) return undefined
    try {
      const clear = open(master, row, row.ciphertext)
      const text = new SecretText(clear.toString('utf8'))
      clear.fill(0)
      return text
    } catch {
      // What is wrong with it may not be told: it is secret.
      return undefined
    }
  }

  async function keysInForce(rows: SecretRows): Promise<KeysInForce> {
    const row = await rows.hashKey()
    const master = row === undefined ? undefined : keyring.find(row.keyId)
    if (row === undefined || master === undefined) throw lost(row)
    return { master, hash: openHashKey(master, row), find: keyring.find }
  }

  return {
    /**
     * To be called once, at the start, with the writers' lock held: makes the first keys, or checks that those in force
     * are at hand. Answers with the id of the master key in force, and the key by which counters are named, the same for
     * every replica. Throws a start-up error where the master key is not known; one that is lost is no loss as long as
     * nothing is under it, and `isAlone`: others would go on naming the counters that all share by the key before.
     */
    async unlock(rows: SecretRows, { isAlone }: { isAlone: boolean }): Promise<Unlocked> {
      const row = await rows.hashKey()
      const master = row === undefined ? undefined : keyring.find(row.keyId)
      if (row !== undefined && master !== undefined) {
        const counterKey = counterKeyOf(openHashKey(master, row))
        return { inForce: master.id, preferred: keyring.preferred().id, counterKey }
      }
      if (row !== undefined && (await rows.any())) throw unknownKey(row.keyId, keyring.ids())
      if (row !== undefined && !isAlone) throw unsharedKey(row.keyId, keyring.ids())
      const first = keyring.preferred()
      const fresh = newHashKey(first)
      await rows.putHashKey(fresh)
      return { inForce: first.id, preferred: first.id, counterKey: counterKeyOf(openHashKey(first, fresh)) }
    },

    /**
     * Replaces every secret of the edits by a reference. To be called in the transaction that writes `created`, too; or
     * for a rehearsal, where references to what would be created all say `(new)`.
     */
    async split(
      rows: SecretRows,
      state: State,
      edits: readonly Edit[],
      how: 'write' | 'rehearsal' = 'write',
    ): Promise<Split> {
      const concerned = edits.some((edit) => edit.op === 'put' && names.has(edit.object.kind))
      if (!concerned) return { edits: [...edits], created: [], problems: [] }
      const newId = how === 'write' ? randomUUID : () => '(new)'
      return splitSecrets(kinds, rows, await keysInForce(rows), state, edits, newId)
    },

    /**
     * Puts all that is encrypted under the preferred key; where that is in force already and comes from the key file,
     * under a new one. To be called in one transaction, with the writers' lock held.
     */
    async rotate(rows: SecretRows): Promise<Rotation> {
      const row = await rows.hashKey()
      const from = row === undefined ? undefined : keyring.find(row.keyId)
      if (row === undefined || from === undefined) throw lost(row)
      const to = nextKey(from, keyring)
      let secrets = 0
      for await (const batch of rows.encrypted()) {
        const again = batch.map((secret) => {
          const master = keyring.find(secret.keyId)
          // Of a key that was lost before: nothing can be done for it here.
          if (master === undefined || secret.ciphertext === null) return secret
          return { ...secret, keyId: to.id, ciphertext: rewrap(master, to, secret, secret.ciphertext) }
        })
        await rows.rewrap(again)
        secrets += again.filter(({ keyId }) => keyId === to.id).length
      }
      await rows.putHashKey(rewrapHashKey(from, to, row))
      return { from: from.id, to: to.id, secrets }
    },

    /** Encrypted secrets in clear, by id. Those that cannot be opened with the keys at hand are left out. */
    async texts(rows: SecretRows, ids: readonly string[]): Promise<Map<string, SecretText>> {
      const found = await rows.byId(ids)
      return new Map(
        found.flatMap((row) => {
          const text = opened(row)
          return text === undefined ? [] : [[row.id, text] as const]
        }),
      )
    },

    /** To be called when a rotation is committed: the key file forgets the keys before. */
    forgetOthers: (id: string): void => keyring.keepOnly(id),
  }
}

function counterKeyOf(hashKey: HashKey): Buffer {
  return keyedHash(hashKey, 'identities of counters').subarray(0, 16)
}

function nextKey(from: MasterKey, keyring: Keyring): MasterKey {
  const preferred = keyring.preferred()
  if (preferred.id !== from.id) return preferred
  const renewed = keyring.renew()
  if (renewed !== undefined) return renewed
  const message = `Everything is under the key of WEIR_SECRET_KEY (${from.id}) already.`
  const remedy =
    'set WEIR_SECRET_KEY to a new key and WEIR_SECRET_KEY_PREVIOUS to the present one, restart every replica, and rotate then'
  throw new WeirError('conflict', message, { problems: [{ pointer: '', message, remedy }] })
}

function unsharedKey(id: string, known: readonly string[]): WeirError {
  return startupError(
    `The key by which all replicas name counters is under the key ${id}, which this weir does not have (${having(known)}).`,
    'Set WEIR_SECRET_KEY to that of the other replicas. Where it is lost, end them all, wait ten seconds, and start once without REDIS_URL.',
  )
}

function having(known: readonly string[]): string {
  return known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`
}

function unknownKey(id: string, known: readonly string[]): WeirError {
  return startupError(
    `The secrets in the database are under the key ${id}, which this weir does not have (${having(known)}).`,
    'Set WEIR_SECRET_KEY or WEIR_SECRET_KEY_PREVIOUS to that key, or bring back secret.key in the data dir (docs/secrets.md).',
  )
}

/** Another replica has rotated to a key that this one was not given. */
function lost(row: HashKeyRow | undefined): WeirError {
  const message =
    row === undefined
      ? 'The database has no key for secrets.'
      : `The secrets are under the key ${row.keyId}, which this replica does not have.`
  const remedy = 'restart this replica with that key as WEIR_SECRET_KEY'
  return new WeirError('key_missing', message, { problems: [{ pointer: '', message, remedy }] })
}
