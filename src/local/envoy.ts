import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startupError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import { adoptChild, type Child, logPath, type StopStep, startChild, stopProcess } from './child.ts'
import { drainEnvoy, isAdminOf } from './envoy-admin.ts'
import { folderError, makeFolder, writeAtomically } from './files.ts'
import { putAside } from './log-size.ts'
import { isAlive } from './process-identity.ts'
import { addressPath, type RunRecord, runFolder } from './run-record.ts'
import { supervise } from './supervise.ts'

export interface EnvoyOptions {
  /** The gateway that this Envoy serves. */
  name: string
  binary: string
  /** JSON text of envoy.config.bootstrap.v3.Bootstrap, with `admin` on 127.0.0.1 port 0. */
  bootstrap: string
  dataDir: string
  observe: Observe
  /** Worker threads; by default as many as there are cores, at most 2. */
  concurrency?: number
  /** Milliseconds that requests in flight are waited for at a stop; 8,000 by default. */
  drainMs?: number
  /** Gives up the start; rejects with its reason. */
  signal?: AbortSignal
}

export interface LocalEnvoy {
  pid(): number
  adminPort(): number
  adopted: boolean
  /** Drains and ends it; takes at most the drain time and 4 s. */
  stop(): Promise<void>
}

export const envoyPrefix = 'envoy-'
const readyMs = 20_000
/** One that ran already has nothing to load. */
const adoptedReadyMs = 5_000
const defaultDrainMs = 8_000
/** Its log has a line for each request where the gateway asks for that. */
const logEvery = 10_000

/** The name of a gateway's Envoy in file names: bounded, and different for different gateways. */
export function envoyChildName(gateway: string): string {
  if (/^[a-z0-9-]{1,60}$/.test(gateway)) return `${envoyPrefix}${gateway}`
  const slug = gateway
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .slice(0, 40)
  // No plain name holds the underscore.
  return `${envoyPrefix}${slug}_${createHash('sha256').update(gateway).digest('hex').slice(0, 16)}`
}

/**
 * Starts the Envoy of a gateway, or adopts the one that runs with the same bootstrap, binary and arguments; one
 * with others is drained and ended first, since two on one port would share its traffic silently.
 * Resolves when its admin interface answers (not: when it has its configuration). Restarts it when it ends by
 * itself. Throws a startup error when it ends before that.
 */
export async function startEnvoy(options: EnvoyOptions): Promise<LocalEnvoy> {
  const { observe, drainMs = defaultDrainMs } = options
  const supervised = await supervise({
    launch: (signal) => launchEnvoy(options, signal),
    stopChild: async (child) => {
      if (isAlive(child.identity)) await drainEnvoy(child.port, drainMs)
      await child.stop(envoyStop)
    },
    observe,
    signal: options.signal,
  })
  const log = logPath(options.dataDir, envoyChildName(options.name))
  const failed = (error: unknown) => observe({ event: 'failed', where: `putting ${log} aside`, error })
  const timer = setInterval(() => void putAside(log).catch(failed), logEvery)
  timer.unref()
  return {
    pid: () => supervised.child().identity.pid,
    adminPort: () => supervised.child().port,
    adopted: supervised.child().adopted,
    stop() {
      clearInterval(timer)
      return supervised.stop()
    },
  }
}

const envoyStop: StopStep[] = [{ signal: 'SIGTERM', graceMs: 2_000 }]

/** Drains and ends an Envoy of which only the record is known. */
export async function stopRecordedEnvoy(record: RunRecord, drainMs = defaultDrainMs): Promise<void> {
  if (record.port > 0) await drainEnvoy(record.port, drainMs)
  await stopProcess(record, envoyStop)
}

async function launchEnvoy(options: EnvoyOptions, signal: AbortSignal): Promise<Child> {
  const { binary, bootstrap, dataDir, observe, drainMs } = options
  const name = envoyChildName(options.name)
  // Absolute, since Envoy is asked for it, to be told from a stranger on its port.
  const addressFile = resolve(addressPath(dataDir, name))
  const bootstrapFile = join(resolve(dataDir), 'bootstrap', `${name}.json`)
  const args = argumentsOf(
    bootstrapFile,
    addressFile,
    options.concurrency ?? Math.min(2, availableParallelism()),
  )
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([binary, args, bootstrap]))
    .digest('hex')
  const stop = (record: RunRecord) => stopRecordedEnvoy(record, drainMs)
  const answers = (child: Child, ms: number) => adminAnswers({ child, addressFile, dataDir, signal, ms })
  const running = await adoptChild({ name, dataDir, fingerprint, observe, stop })
  if (running !== undefined) {
    try {
      await answers(running, adoptedReadyMs)
      return running
    } catch {
      await running.stop(envoyStop)
      observe({ event: 'child_cleared', child: name, pid: running.identity.pid, reason: 'does not answer' })
      signal.throwIfAborted()
    }
  }
  const child = await spawnEnvoy({ ...options, bootstrapFile, addressFile, args, fingerprint })
  try {
    await answers(child, readyMs)
    return child
  } catch (error) {
    await child.stop(envoyStop)
    throw error
  }
}

async function spawnEnvoy(
  options: EnvoyOptions & { bootstrapFile: string; addressFile: string; args: string[]; fingerprint: string },
): Promise<Child> {
  const { dataDir, binary, bootstrap, bootstrapFile, addressFile, args, fingerprint, observe } = options
  makeFolder(join(dataDir, 'bootstrap'))
  makeFolder(runFolder(dataDir))
  try {
    writeAtomically(bootstrapFile, bootstrap)
    fs.rmSync(addressFile, { force: true })
  } catch (error) {
    throw folderError(dataDir, error)
  }
  const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: process.env.HOME ?? '/' }
  return startChild({
    name: envoyChildName(options.name),
    dataDir,
    command: { file: binary, args, env, cwd: resolve(dataDir) },
    port: 0,
    fingerprint,
    gateway: options.name,
    observe,
  })
}

/** https://www.envoyproxy.io/docs/envoy/v1.40.0/operations/cli */
function argumentsOf(bootstrapFile: string, addressFile: string, concurrency: number): string[] {
  return [
    ...['-c', bootstrapFile],
    // With hot restart Envoy asks the kernel for a SIGTERM when its parent dies (PR_SET_PDEATHSIG), so that it would
    // not outlive weir; and several on one machine would contend for the shared memory of base id 0.
    '--disable-hot-restart',
    // An unknown field over xDS would be acknowledged and ignored.
    '--reject-unknown-dynamic-fields',
    // After a change of a listener clients move over with the next answer; a request may go on for 10 minutes.
    ...['--drain-strategy', 'immediate', '--drain-time-s', '600'],
    // Lines of the access log would wait for up to 10 s.
    ...['--file-flush-interval-msec', '1000'],
    ...['--concurrency', String(concurrency)],
    ...['--log-level', 'warning'],
    ...['--admin-address-path', addressFile],
  ]
}

async function adminAnswers(options: {
  child: Child
  addressFile: string
  dataDir: string
  signal: AbortSignal
  ms: number
}): Promise<void> {
  const { child, addressFile, dataDir, signal, ms } = options
  const deadline = performance.now() + ms
  const log = logPath(dataDir, child.name)
  for (;;) {
    signal.throwIfAborted()
    const port = readPort(addressFile) ?? (child.port || undefined)
    // A file half-written, or left by a crash, may name the port of something else.
    if (port !== undefined && (await isAdminOf(port, addressFile))) {
      if (child.port !== port) child.setPort(port)
      return
    }
    if (!isAlive(child.identity)) {
      throw startupError(`${child.name} ended at its start: ${reasonIn(child.log())}.`, `Its log is ${log}.`)
    }
    if (performance.now() > deadline) {
      throw startupError(
        `${child.name} did not open its admin port within ${ms / 1000} s.`,
        `Its log is ${log}.`,
      )
    }
    await delay(25)
  }
}

/** The first critical or error line, without Envoy's time and thread, else the last line. */
function reasonIn(log: string): string {
  const lines = log.split('\n')
  const line = lines.find((text) => /\[(critical|error)\]/.test(text)) ?? lines.at(-1) ?? ''
  return line.replace(/^(\[[^\]]*\]\s*)+/, '').slice(0, 400) || 'it logged nothing'
}

function readPort(addressFile: string): number | undefined {
  try {
    const port = /^127\.0\.0\.1:(\d+)$/.exec(fs.readFileSync(addressFile, 'utf8').trim())?.[1]
    return port === undefined ? undefined : Number(port)
  } catch {
    return undefined
  }
}
