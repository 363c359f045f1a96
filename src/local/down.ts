import { existsSync } from 'node:fs'
import { messageOf, startupError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import { adoptChild, type StopStep, stopProcess } from './child.ts'
import { envoyPrefix, stopRecordedEnvoy } from './envoy.ts'
import { codeOf } from './files.ts'
import { readHolder, takeLock } from './lock.ts'
import { postgresStop } from './postgres.ts'
import { isAlive } from './process-identity.ts'
import { type RunRecord, readRecord, recordNames } from './run-record.ts'

/** What `takeDown` ended. */
export interface Ended {
  /** Process id of weir, where one ran. */
  weir: number | undefined
  /** What weir itself had left running. */
  children: { name: string; pid: number }[]
}

/**
 * Ends everything that runs for a data dir: weir, which stops its children, and then what a killed weir left.
 * Nothing running is no error. Throws a startup error when the processes belong to another user.
 */
export async function takeDown(dataDir: string, observe: Observe = () => {}): Promise<Ended> {
  if (!existsSync(dataDir)) return { weir: undefined, children: [] }
  const holder = readHolder(dataDir)
  try {
    if (holder !== undefined) await stopProcess(holder, holderStop)
    const lock = await takeLock(dataDir, { waitMs: 2_000 })
    try {
      return { weir: holder?.pid, children: await endChildren(dataDir, observe) }
    } finally {
      lock.release()
    }
  } catch (error) {
    if (codeOf(error) !== 'EPERM') throw error
    throw startupError(
      `What runs in ${dataDir} belongs to another user.`,
      'Run `weir down` as that user.',
      error,
    )
  }
}

/** The second signal asks weir to end at once. */
const holderStop: StopStep[] = [
  { signal: 'SIGTERM', graceMs: 20_000 },
  { signal: 'SIGTERM', graceMs: 2_000 },
]

async function endChildren(dataDir: string, observe: Observe): Promise<Ended['children']> {
  const ended: Ended['children'] = []
  const failures: unknown[] = []
  const end = async (name: string, stop: (record: RunRecord) => Promise<void>) => {
    const record = readRecord(dataDir, name)
    const alive = record !== undefined && isAlive(record)
    try {
      await adoptChild({ name, dataDir, fingerprint: undefined, observe, stop })
      if (alive) ended.push({ name, pid: record.pid })
    } catch (error) {
      failures.push(error)
    }
  }
  const names = recordNames(dataDir)
  const envoys = names.filter((name) => name.startsWith(envoyPrefix))
  await Promise.all(envoys.map((name) => end(name, (record) => stopRecordedEnvoy(record))))
  const others = names.filter((name) => !name.startsWith(envoyPrefix))
  await Promise.all(others.map((name) => end(name, (record) => stopProcess(record, postgresStop))))
  if (failures.some((error) => codeOf(error) === 'EPERM'))
    throw failures.find((error) => codeOf(error) === 'EPERM')
  if (failures.length > 0) throw new Error(failures.map(messageOf).join('; '))
  return ended
}
