import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { startupError } from '../errors.ts'
import { parseMasterKey } from './master-key.ts'

/** Where a generated key is kept: one line a key, the one to be used first. */
export function keyFileOf(dataDir: string): string {
  return join(dataDir, 'secret.key')
}

/** The keys of the file, as text; none where there is no file. It is made 0600 again if it is not. */
export function readKeyFile(path: string): string[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
    chmodSync(path, 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  const keys = text.split('\n').filter((line) => line.trim() !== '')
  if (keys.length === 0 || keys.some((key) => parseMasterKey(key) === undefined)) {
    // An empty or cut file must not be replaced by a new key: what is encrypted would be lost without a word.
    throw startupError(`${path} does not hold keys of 32 bytes in base64.`, 'Restore it from a backup.')
  }
  return keys
}

/** Replaces the file as a whole, 0600, and returns when it is on the disk: a lost key loses every private key. */
export function writeKeyFile(path: string, keys: readonly string[]): void {
  const draft = `${path}.new`
  const file = openSync(draft, 'w', 0o600)
  try {
    fchmodSync(file, 0o600)
    writeSync(file, `${keys.join('\n')}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(draft, path)
  const folder = openSync(dirname(path), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
