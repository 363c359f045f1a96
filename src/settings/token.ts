import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where a generated admin token is kept; the CLI reads it there. */
export function tokenFile(dataDir: string): string {
  return join(dataDir, 'token')
}

/** The token in force: the one that was set, else the one of the data dir, made on the first start (0600). */
export function adminTokenOf(dataDir: string, given: string | undefined): string {
  if (given !== undefined) return given
  const path = tokenFile(dataDir)
  try {
    const token = readFileSync(path, 'utf8').trim()
    if (token !== '') {
      chmodSync(path, 0o600)
      return token
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const token = randomBytes(32).toString('base64url')
  writeFileSync(path, `${token}\n`, { mode: 0o600 })
  return token
}
