import * as fs from 'node:fs'
import { join } from 'node:path'
import { writeAtomically } from './files.ts'
import type { ProcessIdentity } from './process-identity.ts'

/** What is known of a supervised child, in `<dataDir>/run/<name>.json`, so that the next weir finds it. */
export interface RunRecord extends ProcessIdentity {
  /** The port it serves on (PostgreSQL), or its admin port (Envoy); 0 while unknown. */
  port: number
  /** Says which command and configuration it was started with. */
  fingerprint: string
  /** The gateway of a local Envoy. */
  gateway?: string
}

export const runFolder = (dataDir: string): string => join(dataDir, 'run')

const recordPath = (dataDir: string, name: string): string => join(runFolder(dataDir), `${name}.json`)

export function writeRecord(dataDir: string, name: string, record: RunRecord): void {
  writeAtomically(recordPath(dataDir, name), `${JSON.stringify(record)}\n`)
}

/** The record of a child; undefined when there is none, or none that can be read. */
export function readRecord(dataDir: string, name: string): RunRecord | undefined {
  let value: unknown
  try {
    value = JSON.parse(fs.readFileSync(recordPath(dataDir, name), 'utf8'))
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { pid, startTime, boot, port, fingerprint, gateway } = value as Record<string, unknown>
  // Never believe a record that would make us signal init, a process group, or ourselves.
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 1 || pid === process.pid)
    return undefined
  if (typeof startTime !== 'number') return undefined
  return {
    pid,
    startTime,
    port: typeof port === 'number' ? port : 0,
    fingerprint: typeof fingerprint === 'string' ? fingerprint : '',
    ...(typeof boot === 'string' ? { boot } : {}),
    ...(typeof gateway === 'string' ? { gateway } : {}),
  }
}

/** Where a child that chooses its own port says which. */
export const addressPath = (dataDir: string, name: string): string =>
  join(runFolder(dataDir), `${name}.admin`)

export function removeRecord(dataDir: string, name: string): void {
  fs.rmSync(recordPath(dataDir, name), { force: true })
  fs.rmSync(addressPath(dataDir, name), { force: true })
}

/** The names of all recorded children. */
export function recordNames(dataDir: string): string[] {
  let files: string[]
  try {
    files = fs.readdirSync(runFolder(dataDir))
  } catch {
    return []
  }
  return files.flatMap((file) => /^([a-z0-9_-]+)\.json$/.exec(file)?.[1] ?? []).sort()
}
