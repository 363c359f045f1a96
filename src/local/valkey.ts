import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { messageOf, startupError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import { adoptChild, type Child, logPath, type StopStep, startChild, stopProcess } from './child.ts'
import { codeOf, folderError, makeFolder, writeAtomically } from './files.ts'
import { isAlive } from './process-identity.ts'
import { EndedEarly, superviseOnPort } from './supervise-on-port.ts'

export interface LocalValkey {
  /** As REDIS_URL has it, with the password. */
  url: string
  /** Whether it ran already, left by a weir that was killed. */
  adopted: boolean
  /** Ends it: at most 5 s. */
  stop(): Promise<void>
}

const valkeyName = 'valkey'
/** It reads its counters before it answers. */
const readyMs = 60_000

/** It writes what it has to the disk, and leaves. */
const valkeyStop: StopStep[] = [{ signal: 'SIGTERM', graceMs: 4_000 }]

/**
 * Starts the embedded Valkey of a data dir, on a free port of 127.0.0.1, or adopts the one that runs. Its counters outlive
 * restarts; those of the last second before a power cut are lost. It is restarted on its port when it ends by itself. Throws
 * a startup error, in one line, when it cannot run. The data dir must be held by this process (`takeLock`).
 */
export async function startValkey(options: {
  dataDir: string
  binary: string
  observe: Observe
  /** Gives up the start; rejects with its reason. */
  signal?: AbortSignal
}): Promise<LocalValkey> {
  const { dataDir, binary, observe, signal } = options
  const folder = resolve(dataDir, valkeyName)
  makeFolder(folder)
  const password = passwordOf(dataDir)
  const supervised = await superviseOnPort({
    name: valkeyName,
    title: 'Valkey',
    dataDir,
    launch: (port, stopping) =>
      launchValkey({ dataDir, folder, binary, password, port, observe, signal: stopping }),
    stop: valkeyStop,
    observe,
    signal,
  })
  const { port, adopted } = supervised.child()
  return { url: `redis://:${password}@127.0.0.1:${port}`, adopted, stop: supervised.stop }
}

/** Made at the first start, 0600. */
function passwordOf(dataDir: string): string {
  const path = join(dataDir, 'valkey.password')
  try {
    const known = readFileSync(path, 'utf8').trim()
    if (known !== '') return known
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw folderError(path, error)
  }
  const password = randomBytes(24).toString('base64url')
  try {
    writeAtomically(path, password)
  } catch (error) {
    throw folderError(dataDir, error)
  }
  return password
}

/** valkey.conf. In a file, since arguments can be read by everybody. */
function configuration(password: string): string {
  return [
    'bind 127.0.0.1',
    'protected-mode yes',
    `requirepass ${password}`,
    'databases 1',
    'daemonize no',
    'logfile ""',
    'save ""',
    'appendonly yes',
    'appendfsync everysec',
    // A counter that were evicted would be a limit that is lifted.
    'maxmemory 256mb',
    'maxmemory-policy noeviction',
    '',
  ].join('\n')
}

interface LaunchOptions {
  dataDir: string
  folder: string
  binary: string
  password: string
  port: number
  observe: Observe
  signal: AbortSignal
}

async function launchValkey(options: LaunchOptions): Promise<Child> {
  const { dataDir, folder, binary, password, port, observe, signal } = options
  const text = configuration(password)
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([binary, text]))
    .digest('hex')
  const running = await adoptChild({
    name: valkeyName,
    dataDir,
    fingerprint,
    observe,
    stop: (record) => stopProcess(record, valkeyStop),
  })
  if (running !== undefined) {
    try {
      await ready(running, options)
      return running
    } catch (error) {
      await running.stop(valkeyStop)
      const reason = `does not answer (${messageOf(error)})`
      observe({ event: 'child_cleared', child: valkeyName, pid: running.identity.pid, reason })
      signal.throwIfAborted()
    }
  }
  const file = join(folder, 'valkey.conf')
  try {
    writeAtomically(file, text)
  } catch (error) {
    throw folderError(folder, error)
  }
  const env = { PATH: '/usr/bin:/bin', LANG: 'C' }
  const command = { file: binary, args: [file, '--port', String(port)], env, cwd: folder }
  const child = await startChild({ name: valkeyName, dataDir, command, port, fingerprint, observe })
  try {
    await ready(child, options)
    return child
  } catch (error) {
    await child.stop(valkeyStop)
    throw error
  }
}

async function ready(child: Child, { dataDir, folder, password, signal }: LaunchOptions): Promise<void> {
  const deadline = performance.now() + readyMs
  for (;;) {
    signal.throwIfAborted()
    if (await answers(child, password)) return
    if (!isAlive(child.identity)) throw new EndedEarly(reasonIn(child.log()))
    if (performance.now() > deadline) {
      throw startupError(
        `Valkey was not ready within ${readyMs / 1000} s: ${reasonIn(child.log())}.`,
        `Its log is ${logPath(dataDir, valkeyName)}; without ${folder} it starts afresh, without its counters.`,
      )
    }
    await delay(25)
  }
}

/** Whether it is this process that answers on the port, and it has read its counters. */
async function answers({ port, identity }: Child, password: string): Promise<boolean> {
  const options = { lazyConnect: true, connectTimeout: 1_000, commandTimeout: 1_000, maxRetriesPerRequest: 0 }
  const client = new Redis({ ...options, host: '127.0.0.1', port, password, retryStrategy: () => null })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const info = await client.info()
    return info.includes(`\r\nprocess_id:${identity.pid}\r\n`) && info.includes('\r\nloading:0\r\n')
  } catch {
    return false
  } finally {
    client.disconnect()
  }
}

/** The line that says why it ended, without process and time; else the last one. */
function reasonIn(log: string): string {
  const lines = log.split('\n')
  const telling = /fatal|bad file format|can't|could not|cannot|failed|no space|permission denied/i
  const line = lines.find((each) => telling.test(each)) ?? lines.at(-1) ?? ''
  return line.replace(/^\d+:[A-Z] .*?\d{2}:\d{2}:\d{2}(\.\d+)? [#*.-] /, '').trim() || 'it logged nothing'
}
