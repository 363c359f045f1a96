import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { messageOf, startupError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import { adoptChild, type Child, type StopStep, startChild, stopProcess } from './child.ts'
import { makeFolder } from './files.ts'
import { type Cluster, openCluster } from './postgres-cluster.ts'
import { type PostgresHome, placePostgres, postgresHomePath } from './postgres-home.ts'
import { commandOf, identify, isAlive, type ProcessIdentity } from './process-identity.ts'
import { EndedEarly, superviseOnPort } from './supervise-on-port.ts'

export interface LocalPostgres {
  /** Connection string of the database `weir`, with the password. */
  url: string
  /** Whether it ran already, left by a weir that was killed. */
  adopted: boolean
  /** Ends it: at most 5 s. */
  stop(): Promise<void>
}

export const postgresName = 'postgres'
const database = 'weir'
/** Crash recovery after a power cut may take its time. */
const readyMs = 60_000

/**
 * Starts the embedded PostgreSQL of a data dir, on a free port of 127.0.0.1, or adopts the one that runs.
 * It is restarted on that port when it ends by itself. Throws a startup error, in one line, when it cannot run.
 * The data dir must be held by this process (`takeLock`).
 */
export async function startPostgres({
  dataDir,
  observe,
  signal,
}: {
  dataDir: string
  observe: Observe
  /** Gives up the start; rejects with its reason. */
  signal?: AbortSignal
}): Promise<LocalPostgres> {
  makeFolder(dataDir)
  const place = placePostgres(dataDir)
  const cluster = await openCluster(dataDir, place, async (data) => {
    await adoptChild({ name: postgresName, dataDir, fingerprint: undefined, observe, stop: stopRecorded })
    await clearStray(data, observe)
  })
  const urlAt = (port: number, name = database) =>
    `postgres://postgres:${cluster.password}@127.0.0.1:${port}/${name}`
  const supervised = await superviseOnPort({
    name: postgresName,
    title: 'PostgreSQL',
    dataDir,
    launch: (port, stopping) =>
      launchPostgres({ dataDir, observe, place, cluster, port, urlAt, signal: stopping }),
    stop: postgresStop,
    observe,
    signal,
  })
  const { adopted, port } = supervised.child()
  return { url: urlAt(port), adopted, stop: supervised.stop }
}

/** Deletes the data of the embedded PostgreSQL of a data dir, which as root lies outside of it. It must not run. */
export function removePostgresData(dataDir: string): void {
  fs.rmSync(postgresHomePath(dataDir), { recursive: true, force: true })
}

/**
 * A fast shutdown; a server that takes too long for it is told to leave without a checkpoint, which its
 * write-ahead log makes good.
 */
export const postgresStop: StopStep[] = [
  { signal: 'SIGINT', graceMs: 3_000 },
  { signal: 'SIGQUIT', graceMs: 1_000 },
]

interface LaunchOptions {
  dataDir: string
  observe: Observe
  place: PostgresHome
  cluster: Cluster
  port: number
  urlAt: (port: number, name?: string) => string
  signal: AbortSignal
}

async function launchPostgres(options: LaunchOptions): Promise<Child> {
  const { dataDir, observe, place, cluster, port, urlAt, signal } = options
  const file = join(place.bin, 'postgres')
  const args = settings(cluster.data)
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([file, args]))
    .digest('hex')
  const running = await adoptChild({ name: postgresName, dataDir, fingerprint, observe, stop: stopRecorded })
  if (running !== undefined) {
    try {
      await ensureDatabase(urlAt(running.port, 'postgres'))
      return running
    } catch (error) {
      await running.stop(postgresStop)
      const reason = `does not answer (${messageOf(error)})`
      observe({ event: 'child_cleared', child: postgresName, pid: running.identity.pid, reason })
    }
  }
  await clearStray(cluster.data, observe)
  const command = { ...place.run, file, args: [...args, '-c', `port=${port}`] }
  const child = await startChild({ name: postgresName, dataDir, command, port, fingerprint, observe })
  try {
    await ready(child, cluster.data, signal)
    await ensureDatabase(urlAt(port, 'postgres'))
    return child
  } catch (error) {
    await child.stop(postgresStop)
    throw error
  }
}

function settings(data: string): string[] {
  const values = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '100',
    shared_buffers: '32MB',
    max_wal_size: '256MB',
    fsync: 'on',
    full_page_writes: 'on',
    jit: 'off',
    logging_collector: 'off',
    log_destination: 'stderr',
    cluster_name: 'weir',
  }
  return ['-D', data, ...Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

const stopRecorded = (identity: ProcessIdentity): Promise<void> => stopProcess(identity, postgresStop)

/**
 * What a crash left: `postmaster.pid` names a process. When that is a server on this data which we have no
 * record of, it is ended; when the number belongs to something else by now, the file would block the start.
 * Otherwise PostgreSQL itself needs the file, to see whether parts of its predecessor still run.
 */
async function clearStray(data: string, observe: Observe): Promise<void> {
  const pid = Number(postmasterFile(data)[0])
  const identity = Number.isSafeInteger(pid) && pid > 0 ? identify(pid) : undefined
  if (identity === undefined) return
  if (commandOf(pid).includes(`/postgres -D ${data} `)) {
    await stopRecorded(identity)
    observe({ event: 'child_cleared', child: postgresName, pid, reason: 'ran without a record' })
  } else {
    fs.rmSync(join(data, 'postmaster.pid'), { force: true })
  }
}

/** The lines of postmaster.pid: pid, data, start time, port, socket folder, address, shared memory, status. */
function postmasterFile(data: string): string[] {
  try {
    return fs.readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
  } catch {
    return []
  }
}

async function ready(child: Child, data: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + readyMs
  for (;;) {
    signal.throwIfAborted()
    const lines = postmasterFile(data)
    if (Number(lines[0]) === child.identity.pid && lines[7]?.trim() === 'ready') return
    if (!isAlive(child.identity)) throw new EndedEarly(lastLine(child))
    if (performance.now() > deadline) {
      const waited = `PostgreSQL was not ready within ${readyMs / 1000} s: ${lastLine(child)}.`
      throw startupError(waited, 'See its log, or set DATABASE_URL to a PostgreSQL of your own.')
    }
    await delay(25)
  }
}

/** The log line that says why it ended, without time and process; else the last one. */
function lastLine(child: Child): string {
  const lines = child.log().split('\n')
  const telling = /FATAL|PANIC|could not|unrecognized|invalid|permission denied/i
  return (
    (lines.find((line) => telling.test(line)) ?? lines.at(-1) ?? '').replace(/^.*?\[\d+\] /, '') || 'no log'
  )
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    query_timeout: 30_000,
  })
  client.on('error', () => {}) // A connection that breaks fails the query that waits for it.
  await client.connect()
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [database])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${database}`)
  } finally {
    await client.end()
  }
}
