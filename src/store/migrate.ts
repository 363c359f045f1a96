import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pool, PoolClient } from 'pg'
import { startupError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import { withClient } from './database.ts'
import { locks } from './locks.ts'

interface Migration {
  name: string
  sql: string
  hash: string
  /** Versions that do not know it cannot run beside it. */
  breaks: boolean
}

/** The line by which a file says so; what follows it is why. */
const breaking = /^-- Breaks older versions: /m

/**
 * Brings the schema to the newest of the numbered SQL files, each in a transaction of its own, under an advisory
 * lock, so that replicas may start together. A file that was changed after it ran stops the start, and so does one of a
 * newer version that says of itself that it breaks older ones; beside all others of newer versions this one runs.
 */
export async function migrate(pool: Pool, folder: string, observe: Observe): Promise<void> {
  const migrations = await readMigrations(folder)
  await withClient(pool, async (client) => {
    await client.query('select pg_advisory_lock($1)', [locks.migrate])
    try {
      await migrateLocked(client, migrations, observe)
    } finally {
      // One that is not released is gone with the connection.
      await client.query('select pg_advisory_unlock($1)', [locks.migrate]).catch(() => undefined)
    }
  })
}

async function migrateLocked(client: PoolClient, migrations: Migration[], observe: Observe): Promise<void> {
  await client.query(
    'create table if not exists schema_migrations (name text primary key, hash text not null, at timestamptz not null default now())',
  )
  await client.query(
    'alter table schema_migrations add column if not exists breaks boolean not null default false',
  )
  const { rows } = await client.query<{ name: string; hash: string; breaks: boolean }>(
    'select name, hash, breaks from schema_migrations',
  )
  const done = new Map(rows.map((row) => [row.name, row.hash]))
  refuseBreaking(
    rows.flatMap(({ name, breaks }) => (breaks ? [name] : [])),
    migrations,
  )
  for (const migration of migrations) {
    const hash = done.get(migration.name)
    if (hash === undefined) await run(client, migration, observe)
    else if (hash !== migration.hash) refuseChanged(migration.name)
  }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}_.*\.sql$/.test(name)).sort()
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(folder, name), 'utf8')
      const hash = createHash('sha256').update(sql).digest('hex')
      return { name, sql, hash, breaks: breaking.test(sql) }
    }),
  )
}

async function run(client: PoolClient, migration: Migration, observe: Observe): Promise<void> {
  const started = performance.now()
  await client.query('begin')
  try {
    await client.query(migration.sql)
    await client.query('insert into schema_migrations (name, hash, breaks) values ($1, $2, $3)', [
      migration.name,
      migration.hash,
      migration.breaks,
    ])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
  observe({ event: 'migrated', file: migration.name, milliseconds: Math.round(performance.now() - started) })
}

function refuseBreaking(done: readonly string[], migrations: readonly Migration[]): void {
  const unknown = done.filter((name) => !migrations.some((migration) => migration.name === name))
  if (unknown.length === 0) return
  throw startupError(
    `The database was migrated by a newer weir, beside which this one cannot run (${unknown.join(', ')}).`,
    'Start that version, or restore a backup from before.',
  )
}

function refuseChanged(name: string): never {
  throw startupError(
    `The migration ${name} was changed after it ran.`,
    'Restore the file as it was released.',
  )
}
