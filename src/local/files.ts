import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { startupError, type WeirError } from '../errors.ts'

/** Writes a file so that a reader, or a crash, sees the old content or the new, never a half. */
export function writeAtomically(path: string, text: string, mode = 0o600): void {
  const draft = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`
  try {
    fs.writeFileSync(draft, text, { mode, flag: 'wx' })
    fs.renameSync(draft, path)
  } catch (error) {
    fs.rmSync(draft, { force: true })
    throw error
  }
}

/** Creates a folder that only its owner may enter, parents included; an existing one keeps its mode. */
export function makeFolder(path: string): void {
  try {
    makeParentsToo(path)
  } catch (error) {
    throw folderError(path, error)
  }
}

/** Not mkdir's own `recursive`, which never returns where a file system refuses with ENOENT (/proc). */
function makeParentsToo(path: string): void {
  if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  const parent = dirname(path)
  if (parent !== path) makeParentsToo(parent)
  try {
    fs.mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Somebody else may have been faster.
    if (codeOf(error) !== 'EEXIST' || !fs.statSync(path).isDirectory()) throw error
  }
}

export function codeOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined
}

/** What the operating system refused in a folder of ours, as one line with a remedy. */
export function folderError(path: string, error: unknown): WeirError {
  const elsewhere = 'or choose another folder with WEIR_DATA_DIR.'
  switch (codeOf(error)) {
    case 'ENOENT':
      return startupError(
        `The folder ${path} cannot be made there.`,
        'Choose another with WEIR_DATA_DIR.',
        error,
      )
    case 'EROFS':
      return startupError(
        `The folder ${path} is on a read-only file system.`,
        `Make it writable, ${elsewhere}`,
        error,
      )
    case 'EACCES':
    case 'EPERM':
      return startupError(
        `weir may not write to ${path}.`,
        `Give this user write access, ${elsewhere}`,
        error,
      )
    case 'ENOSPC':
    case 'EDQUOT':
      return startupError(`No space is left for ${path}.`, `Free some, ${elsewhere}`, error)
    case 'ENOTDIR':
    case 'EEXIST':
      return startupError(
        `${path} is not a folder: a file is in its way.`,
        `Move the file away, ${elsewhere}`,
        error,
      )
    default: {
      const reason = error instanceof Error ? error.message : String(error)
      return startupError(`The folder ${path} cannot be used (${reason}).`, `Repair it, ${elsewhere}`, error)
    }
  }
}

/** The last lines of a log, at most 4 KiB, from byte `from` on; '' when there is none. */
export function tailOf(path: string, from = 0, lines = 8): string {
  const limit = 4096
  let file: number
  try {
    file = fs.openSync(path, 'r')
  } catch {
    return ''
  }
  try {
    const size = fs.fstatSync(file).size
    const start = Math.max(Math.min(from, size), size - limit)
    const buffer = Buffer.alloc(size - start)
    const read = fs.readSync(file, buffer, 0, buffer.length, start)
    return buffer.toString('utf8', 0, read).trim().split('\n').slice(-lines).join('\n')
  } catch {
    return ''
  } finally {
    fs.closeSync(file)
  }
}
