import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'

/** Bytes of an AES-256 key. */
export const keyBytes = 32

/** A key that encrypts keys. A `KeyObject` never prints its bytes. */
export interface MasterKey {
  /** Derived from the key, and no secret: which key something is under. */
  id: string
  key: KeyObject
}

export function masterKey(bytes: Buffer): MasterKey {
  return { id: keyIdOf(bytes), key: createSecretKey(bytes) }
}

/** Twelve hexadecimal digits that name a key and tell nothing of it (HKDF, RFC 5869). */
export function keyIdOf(bytes: Buffer): string {
  return Buffer.from(hkdfSync('sha256', bytes, '', 'weir key id', 6)).toString('hex')
}

/** A key that was written as base64, base64url or hex; nothing where it is not exactly 32 bytes in one of these. */
export function parseMasterKey(text: string): MasterKey | undefined {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return masterKey(Buffer.from(text, 'hex'))
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return undefined
  return masterKey(Buffer.from(text, 'base64'))
}

/** A fresh key as text for a key file. */
export function newKeyText(): string {
  return randomBytes(keyBytes).toString('base64')
}
