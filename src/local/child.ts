import { type ChildProcess, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startupError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import { folderError, makeFolder, tailOf } from './files.ts'
import { logLimit } from './log-size.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'
import { type RunRecord, readRecord, removeRecord, runFolder, writeRecord } from './run-record.ts'

export interface Command {
  file: string
  args: string[]
  /** The whole environment: nothing of weir's own, which holds secrets, is passed on. */
  env: Record<string, string>
  cwd: string
  uid?: number
  gid?: number
}

/** How a child ended; both null where it was adopted and its end could only be seen from outside. */
export interface Exit {
  code: number | null
  signal: string | null
}

/** One process that outlives weir, in its own process group, with a record and a log. */
export interface Child {
  name: string
  identity: ProcessIdentity
  adopted: boolean
  port: number
  exited: Promise<Exit>
  /** The last lines that it logged. */
  log(): string
  /** Completes the record once the port is known. */
  setPort(port: number): void
  /** Ends it and waits until it is gone; see `stopProcess`. */
  stop(steps: StopStep[]): Promise<void>
}

export interface StopStep {
  signal: NodeJS.Signals
  /** Milliseconds until the next step. */
  graceMs: number
}

export interface StartOptions {
  name: string
  dataDir: string
  command: Command
  /** 0 while unknown. */
  port: number
  fingerprint: string
  gateway?: string
  observe: Observe
}

/**
 * Waits on its standard input for the word to go, then becomes the program (same process, same start time).
 * weir writes the record before it gives the word: should weir die in between, this reads the end of its
 * input and ends, so that a child without a record cannot be.
 */
const gate = 'IFS= read -r go && exec "$@" </dev/null'

const adoptedPollMs = 500

export const logPath = (dataDir: string, name: string): string => join(dataDir, 'log', `${name}.log`)

/** Starts a child. Throws a startup error when it cannot be started; that the program then lives is not awaited. */
export async function startChild(options: StartOptions): Promise<Child> {
  const { name, dataDir, command } = options
  makeFolder(runFolder(dataDir))
  const log = openLog(dataDir, name)
  let child: ChildProcess
  try {
    child = spawn('/bin/sh', ['-c', gate, 'weir', command.file, ...command.args], {
      detached: true,
      stdio: ['pipe', log.file, log.file],
      env: command.env,
      cwd: command.cwd,
      ...(command.uid === undefined ? {} : { uid: command.uid }),
      ...(command.gid === undefined ? {} : { gid: command.gid }),
    })
  } catch (error) {
    throw cannotStart(name, error)
  } finally {
    fs.closeSync(log.file)
  }
  const exited = new Promise<Exit>((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
  )
  const failed = new Promise<never>((_, reject) => child.once('error', reject))
  failed.catch(() => {})
  child.stdin?.on('error', () => {}) // It ended before it was told to go: `exited` tells.
  const identity = child.pid === undefined ? undefined : identify(child.pid)
  if (identity === undefined) {
    child.stdin?.destroy()
    throw cannotStart(name, await Promise.race([failed.catch((error) => error), exited]))
  }
  const { port, fingerprint, gateway, observe } = options
  const record: RunRecord = { ...identity, port, fingerprint, ...(gateway === undefined ? {} : { gateway }) }
  try {
    writeRecord(dataDir, name, record)
  } catch (error) {
    child.stdin?.destroy()
    await exited
    throw folderError(runFolder(dataDir), error)
  }
  child.stdin?.end('go\n')
  child.unref()
  observe({ event: 'child_started', child: name, pid: identity.pid })
  return handle({
    name,
    dataDir,
    record,
    adopted: false,
    exited,
    settle: () => child.ref(),
    logStart: log.size,
  })
}

function cannotStart(name: string, error: unknown): Error {
  const reason = error instanceof Error ? error.message : 'it ended at once'
  return startupError(`${name} could not be started (${reason}).`, 'Check memory and process limits.', error)
}

/**
 * Adopts the recorded child if it lives and has this fingerprint; otherwise clears it away, with `stop` if it
 * lives. Leaves no record unless it adopts.
 */
export async function adoptChild(options: {
  name: string
  dataDir: string
  /** Undefined: whatever runs is to be cleared away. */
  fingerprint: string | undefined
  stop: (record: RunRecord) => Promise<void>
  observe: Observe
}): Promise<Child | undefined> {
  const { name, dataDir, fingerprint, observe } = options
  const record = readRecord(dataDir, name)
  if (record !== undefined && isAlive(record)) {
    if (record.fingerprint === fingerprint) {
      observe({ event: 'child_adopted', child: name, pid: record.pid })
      return handle({ name, dataDir, record, adopted: true, ...watch(record), logStart: 0 })
    }
    await options.stop(record)
    const reason = fingerprint === undefined ? 'no longer wanted' : 'started with another configuration'
    observe({ event: 'child_cleared', child: name, pid: record.pid, reason })
  } else if (record !== undefined) {
    observe({ event: 'child_cleared', child: name, pid: record.pid, reason: 'no longer running' })
  }
  removeRecord(dataDir, name)
  return undefined
}

function handle(known: {
  name: string
  dataDir: string
  record: RunRecord
  adopted: boolean
  exited: Promise<Exit>
  /** Makes sure that `exited` resolves soon once the process is gone, whatever else keeps weir running. */
  settle: () => void
  logStart: number
}): Child {
  const { name, dataDir, record, exited } = known
  const forget = () => {
    if (readRecord(dataDir, name)?.pid === record.pid) removeRecord(dataDir, name)
  }
  void exited.then(forget).catch(() => {}) // A record that stays behind is cleared by the next start.
  const child: Child = {
    name,
    identity: record,
    adopted: known.adopted,
    port: record.port,
    exited,
    log: () => tailOf(logPath(dataDir, name), known.logStart),
    setPort(port) {
      child.port = port
      writeRecord(dataDir, name, { ...record, port })
    },
    async stop(steps) {
      await stopProcess(record, steps)
      known.settle()
      await exited
      forget()
    },
  }
  return child
}

/** Watches a process that is not our child; `settle` looks at once. */
function watch(identity: ProcessIdentity): { exited: Promise<Exit>; settle: () => void } {
  const { promise, resolve } = Promise.withResolvers<Exit>()
  const look = () => {
    if (isAlive(identity)) return
    clearInterval(timer)
    resolve({ code: null, signal: null })
  }
  const timer = setInterval(look, adoptedPollMs)
  timer.unref()
  return { exited: promise, settle: look }
}

/**
 * Signals the process step by step until it has gone, and kills its whole group after the last one.
 * Works on any process; where the number belongs to another one by now it does nothing.
 */
export async function stopProcess(identity: ProcessIdentity, steps: StopStep[]): Promise<void> {
  for (const { signal, graceMs } of steps) {
    if (!isAlive(identity)) return
    send(identity.pid, signal)
    if (await goneWithin(identity, graceMs)) return
  }
  if (!isAlive(identity)) return
  send(-identity.pid, 'SIGKILL')
  send(identity.pid, 'SIGKILL')
  if (await goneWithin(identity, 5_000)) return
  throw new Error(`process ${identity.pid} does not end, not even by SIGKILL`)
}

/** Waits up to `ms` milliseconds for a process to be gone; says whether it is. */
export async function goneWithin(identity: ProcessIdentity, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms
  while (isAlive(identity)) {
    if (performance.now() >= deadline) return false
    await delay(20)
  }
  return true
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

function openLog(dataDir: string, name: string): { file: number; size: number } {
  const path = logPath(dataDir, name)
  makeFolder(join(dataDir, 'log'))
  try {
    const size = fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (size > logLimit) fs.renameSync(path, `${path}.1`)
    const file = fs.openSync(path, 'a', 0o600)
    return { file, size: fs.fstatSync(file).size }
  } catch (error) {
    throw folderError(path, error)
  }
}
