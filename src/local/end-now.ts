import { postgresName } from './postgres.ts'
import { isAlive } from './process-identity.ts'
import { readRecord, recordNames } from './run-record.ts'

/**
 * Ends every recorded child at once and without waiting, for the moment when weir itself is told to end at once.
 * PostgreSQL gets its immediate shutdown, whose recovery the write-ahead log sees to; the others are killed.
 */
export function endChildrenNow(dataDir: string): void {
  for (const name of recordNames(dataDir)) {
    const record = readRecord(dataDir, name)
    if (record === undefined || !isAlive(record)) continue
    try {
      if (name === postgresName) process.kill(record.pid, 'SIGQUIT')
      else process.kill(-record.pid, 'SIGKILL')
    } catch {
      // It ended meanwhile.
    }
  }
}
