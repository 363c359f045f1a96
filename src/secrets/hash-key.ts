import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { associatedData, decrypt, encrypt } from './envelope.ts'
import { keyBytes, keyIdOf, type MasterKey } from './master-key.ts'
import type { HashKeyRow } from './rows.ts'

/** The key by which API keys are hashed. It outlives master keys: what is hashed cannot be hashed anew. */
export interface HashKey {
  id: string
  key: KeyObject
}

/** A fresh hash key, wrapped by that master key. */
export function newHashKey(master: MasterKey): HashKeyRow {
  const bytes = randomBytes(keyBytes)
  return wrap(master, keyIdOf(bytes), bytes)
}

/** Throws where the master key is not the one that wrapped it. */
export function openHashKey(master: MasterKey, row: HashKeyRow): HashKey {
  return { id: row.id, key: createSecretKey(unwrap(master, row)) }
}

export function rewrapHashKey(from: MasterKey, to: MasterKey, row: HashKeyRow): HashKeyRow {
  return wrap(to, row.id, unwrap(from, row))
}

/** HMAC-SHA-256 (RFC 2104). Equal texts have equal hashes, so that a caller is found by one look-up. */
export function keyedHash(hashKey: HashKey, text: string): Buffer {
  return createHmac('sha256', hashKey.key).update(text, 'utf8').digest()
}

function wrap(master: MasterKey, id: string, bytes: Buffer): HashKeyRow {
  return { id, keyId: master.id, wrapped: encrypt(master.key, binding(master, id), bytes) }
}

function unwrap(master: MasterKey, { id, wrapped }: HashKeyRow): Buffer {
  return decrypt(master.key, binding(master, id), wrapped)
}

function binding(master: MasterKey, id: string): Buffer {
  return associatedData('weir hash key', master.id, id)
}
