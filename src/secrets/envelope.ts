import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import { keyBytes, type MasterKey } from './master-key.ts'

/** What an encrypted secret belongs to: moved to another row, it cannot be opened. */
export interface Belonging {
  id: string
  kind: string
  name: string
  pointer: string
}

const version = 1
const nonceBytes = 12
const tagBytes = 16
const wrappedBytes = nonceBytes + keyBytes + tagBytes

/**
 * Envelope encryption with AES-256-GCM (NIST SP 800-38D): the text under a data key of its own, that key under the
 * master key. One byte of version, the wrapped data key, the encrypted text; each of these nonce, ciphertext, tag.
 */
export function seal(master: MasterKey, belonging: Belonging, clear: string): Buffer {
  const dataKey = randomBytes(keyBytes)
  const wrapped = encrypt(master.key, wrapping(master, belonging), dataKey)
  const text = encrypt(dataKey, content(belonging), Buffer.from(clear, 'utf8'))
  dataKey.fill(0)
  return Buffer.concat([Buffer.of(version), wrapped, text])
}

/** The text that was sealed. Throws unless key, belonging and every byte are those of the sealing. */
export function open(master: MasterKey, belonging: Belonging, sealed: Buffer): Buffer {
  const { wrapped, text } = parts(sealed)
  const dataKey = decrypt(master.key, wrapping(master, belonging), wrapped)
  try {
    return decrypt(dataKey, content(belonging), text)
  } finally {
    dataKey.fill(0)
  }
}

/** The same sealed text under another master key; the text itself stays as it is. */
export function rewrap(from: MasterKey, to: MasterKey, belonging: Belonging, sealed: Buffer): Buffer {
  const { wrapped, text } = parts(sealed)
  const dataKey = decrypt(from.key, wrapping(from, belonging), wrapped)
  const again = encrypt(to.key, wrapping(to, belonging), dataKey)
  dataKey.fill(0)
  return Buffer.concat([Buffer.of(version), again, text])
}

/** Nonce, ciphertext and tag. A nonce is random: a key sees far less than the 2^32 messages that this is good for. */
export function encrypt(key: KeyObject | Buffer, associated: Buffer, clear: Buffer): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(associated)
  return Buffer.concat([nonce, cipher.update(clear), cipher.final(), cipher.getAuthTag()])
}

/** Throws where anything was changed. */
export function decrypt(key: KeyObject | Buffer, associated: Buffer, encrypted: Buffer): Buffer {
  const nonce = encrypted.subarray(0, nonceBytes)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  decipher.setAAD(associated)
  decipher.setAuthTag(encrypted.subarray(-tagBytes))
  return Buffer.concat([decipher.update(encrypted.subarray(nonceBytes, -tagBytes)), decipher.final()])
}

/** Associated data of several texts: each with its length before it, so that no two lists give the same bytes. */
export function associatedData(...texts: readonly string[]): Buffer {
  return Buffer.from(texts.map((text) => `${Buffer.byteLength(text)}:${text}`).join(''), 'utf8')
}

function wrapping(master: MasterKey, { id, kind, name, pointer }: Belonging): Buffer {
  return associatedData('weir data key', master.id, id, kind, name, pointer)
}

function content({ id, kind, name, pointer }: Belonging): Buffer {
  return associatedData('weir secret', id, kind, name, pointer)
}

function parts(sealed: Buffer): { wrapped: Buffer; text: Buffer } {
  if (sealed[0] !== version || sealed.length < 1 + wrappedBytes + nonceBytes + tagBytes) {
    throw new Error('This is no secret that this version of weir has sealed.')
  }
  return { wrapped: sealed.subarray(1, 1 + wrappedBytes), text: sealed.subarray(1 + wrappedBytes) }
}
