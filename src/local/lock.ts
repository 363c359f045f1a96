import * as fs from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { startupError } from '../errors.ts'
import { folderError, makeFolder, writeAtomically } from './files.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'

/** Who holds a data dir, in its `weir.json`. */
export interface Holder extends ProcessIdentity {
  state: 'running' | 'stopping'
  /** Base URL of the admin API, once it listens. */
  admin?: string
}

export interface Lock {
  /** Tells others, at once and for good, what changed about the holder. */
  describe(change: Partial<Pick<Holder, 'state' | 'admin'>>): void
  /** Gives the data dir free. */
  release(): void
}

const holderPath = (dataDir: string): string => join(dataDir, 'weir.json')

/**
 * Takes the data dir for this process. The lock is SQLite's, on `weir.lock`: a POSIX record lock, which the
 * kernel drops when the process ends however it ends, so that it is never stale.
 * Waits up to `waitMs` milliseconds for a holder that is stopping, or not yet described; throws a startup error
 * at once for one that runs, and for a folder that cannot be used.
 */
export async function takeLock(dataDir: string, { waitMs = 20_000 } = {}): Promise<Lock> {
  makeFolder(dataDir)
  const self = identify(process.pid)
  if (self === undefined) throw startupError('weir cannot see its own process.', 'Mount /proc.')
  const deadline = performance.now() + waitMs
  let database = tryLock(dataDir)
  while (database === undefined) {
    const holder = readHolder(dataDir)
    if (holder?.state === 'running') throw taken(dataDir, holder, 'runs')
    if (performance.now() >= deadline) throw taken(dataDir, holder, 'is still stopping')
    await delay(50)
    database = tryLock(dataDir)
  }
  return hold(dataDir, database, { ...self, state: 'running' })
}

function taken(dataDir: string, holder: Holder | undefined, does: string): Error {
  const who =
    holder === undefined
      ? `Another weir holds ${dataDir}.`
      : `weir (pid ${holder.pid}) ${does} in ${dataDir}.`
  return startupError(who, 'Stop it with `weir down`, or choose another folder with WEIR_DATA_DIR.')
}

function hold(dataDir: string, database: DatabaseSync, first: Holder): Lock {
  let holder = first
  let held = true
  const describe = (change: Partial<Holder>) => {
    if (!held) return
    holder = { ...holder, ...change }
    writeAtomically(holderPath(dataDir), `${JSON.stringify(holder)}\n`)
  }
  const release = () => {
    if (!held) return
    held = false
    fs.rmSync(holderPath(dataDir), { force: true })
    database.close()
  }
  try {
    describe({})
  } catch (error) {
    release()
    throw folderError(dataDir, error)
  }
  return { describe, release }
}

/** The lock, or undefined while another process has it. */
function tryLock(dataDir: string): DatabaseSync | undefined {
  const path = join(dataDir, 'weir.lock')
  let database: DatabaseSync | undefined
  try {
    // SQLite says only that it cannot open a file; the file system says why.
    if (!fs.existsSync(path)) fs.closeSync(fs.openSync(path, 'a', 0o600))
    fs.accessSync(path, fs.constants.W_OK)
    database = new DatabaseSync(path, { timeout: 0 })
    database.exec('BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database?.close()
    if (sqliteCode(error) === 5) return undefined
    throw folderError(dataDir, error)
  }
}

/** SQLite's result code; 5 is SQLITE_BUSY. */
function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
}

/** Who holds the data dir now; undefined when nobody that lives has described itself. */
export function readHolder(dataDir: string): Holder | undefined {
  const holder = readLastHolder(dataDir)
  return holder !== undefined && isAlive(holder) ? holder : undefined
}

/** Who described itself last and has not given the data dir free: it holds it, or was killed. */
export function readLastHolder(dataDir: string): Holder | undefined {
  let value: unknown
  try {
    value = JSON.parse(fs.readFileSync(holderPath(dataDir), 'utf8'))
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { pid, startTime, boot, state, admin } = value as Record<string, unknown>
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1 || typeof startTime !== 'number')
    return undefined
  if (state !== 'running' && state !== 'stopping') return undefined
  const holder: Holder = { pid, startTime, state }
  if (typeof boot === 'string') holder.boot = boot
  if (typeof admin === 'string') holder.admin = admin
  return holder
}
