import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LocalPostgres, removePostgresData, startPostgres } from '../../src/local/postgres.ts'

let running: { postgres: LocalPostgres; dataDir: string } | undefined

/** One PostgreSQL for the whole run; its URL is in WEIR_TEST_POSTGRES, which the test processes inherit. */
export async function globalSetup(): Promise<void> {
  if (process.env.WEIR_TEST_POSTGRES) return
  // The runner tears down on SIGINT and SIGTERM only.
  process.on('SIGHUP', () => process.kill(process.pid, 'SIGTERM'))
  const dataDir = mkdtempSync(join(tmpdir(), 'weir-test-'))
  const postgres = await startPostgres({ dataDir, observe: () => {} })
  running = { postgres, dataDir }
  process.env.WEIR_TEST_POSTGRES = postgres.url
}

export async function globalTeardown(): Promise<void> {
  if (running === undefined) return
  await running.postgres.stop()
  removePostgresData(running.dataDir)
  rmSync(running.dataDir, { recursive: true, force: true })
}
