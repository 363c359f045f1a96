import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { migrate } from '../../src/store/migrate.ts'

export const migrationsFolder = join(import.meta.dirname, '../../migrations')

/** Key of the advisory lock under which the template is made. */
const templateLock = 0x77656972_7465

export interface FreshDatabase {
  url: string
  drop(): Promise<void>
}

/**
 * A database of the test's own on the shared server, cloned from a migrated template, which is made once for each
 * content of `migrations/`.
 */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = serverUrl()
  const name = `weir_test_${randomBytes(8).toString('hex')}`
  await withClient(server, async (client) => {
    await client.query('select pg_advisory_lock($1)', [templateLock])
    try {
      const template = await ensureTemplate(client, server)
      await client.query(`create database ${name} template ${template}`)
    } finally {
      await client.query('select pg_advisory_unlock($1)', [templateLock])
    }
  })
  return {
    url: urlOf(server, name),
    drop: () =>
      withClient(server, async (client) => {
        await client.query(`drop database if exists ${name} with (force)`)
      }),
  }
}

/** A database without any table. */
export async function emptyDatabase(): Promise<FreshDatabase> {
  const server = serverUrl()
  const name = `weir_test_${randomBytes(8).toString('hex')}`
  await withClient(server, (client) => client.query(`create database ${name}`))
  return {
    url: urlOf(server, name),
    drop: () =>
      withClient(server, async (client) => {
        await client.query(`drop database if exists ${name} with (force)`)
      }),
  }
}

/** The server that test/support/global-setup.ts started. */
export function serverUrl(): string {
  const url = process.env.WEIR_TEST_POSTGRES
  if (url === undefined) throw new Error('WEIR_TEST_POSTGRES is not set: run the tests with `npm test`')
  return url
}

/** The same server, another database. */
export function urlOf(server: string, database: string): string {
  const url = new URL(server)
  url.pathname = `/${database}`
  return url.href
}

/** Runs `work` with a connection of its own. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  client.on('error', () => {}) // A broken connection fails the query that waits for it.
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

async function ensureTemplate(client: pg.Client, server: string): Promise<string> {
  const name = `weir_template_${migrationsHash()}`
  const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
  if (rowCount !== 0) return name
  // A run that was killed half-way leaves a draft, never a template.
  const draft = `${name}_draft`
  await client.query(`drop database if exists ${draft} with (force)`)
  await client.query(`create database ${draft}`)
  const pool = new pg.Pool({ connectionString: urlOf(server, draft), max: 1 })
  await migrate(pool, migrationsFolder, () => {})
  await pool.end()
  await client.query(`alter database ${draft} rename to ${name}`)
  return name
}

function migrationsHash(): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(migrationsFolder).sort()) {
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(migrationsFolder, name)))
      .update('\0')
  }
  return hash.digest('hex').slice(0, 16)
}
