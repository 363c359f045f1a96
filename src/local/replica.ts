import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startupError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import { adoptChild, type Child, logPath, type StopStep, startChild, stopProcess } from './child.ts'
import { makeFolder } from './files.ts'
import { readHolder } from './lock.ts'
import { isAlive } from './process-identity.ts'
import { EndedEarly, superviseOnPort } from './supervise-on-port.ts'

export interface LocalReplica {
  /** That of its rate-limit service, on 127.0.0.1. */
  port: number
  /** Whether it ran already, left by a weir that was killed. */
  adopted: boolean
  stop(): Promise<void>
}

const readyMs = 30_000
const replicaStop: StopStep[] = [{ signal: 'SIGTERM', graceMs: 4_000 }]

/**
 * Starts another weir on this machine, or adopts the one that runs with the same settings, and keeps it running on its port.
 * It has a data dir of its own, `replicaDir`. Resolves when it serves; throws a startup error when it does not.
 */
export async function startReplica(options: {
  name: string
  dataDir: string
  replicaDir: string
  /** The program and its arguments. */
  command: readonly [string, ...string[]]
  /** What else is in its environment. */
  environment: Record<string, string>
  /** Its settings, as variables, by the port of its service. */
  settingsFor: (port: number) => Record<string, string>
  observe: Observe
  /** Gives up the start; rejects with its reason. */
  signal?: AbortSignal
}): Promise<LocalReplica> {
  const { name, dataDir, replicaDir, command, environment, settingsFor, observe, signal } = options
  makeFolder(replicaDir)
  const [file, ...args] = command
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([command, settingsFor(0)]))
    .digest('hex')

  async function launch(port: number, stopping: AbortSignal): Promise<Child> {
    const running = await adoptChild({
      name,
      dataDir,
      fingerprint,
      observe,
      stop: (record) => stopProcess(record, replicaStop),
    })
    const env = { ...environment, ...settingsFor(port) }
    const child =
      running ??
      (await startChild({
        ...{ name, dataDir, port, fingerprint, observe },
        command: { file, args, env, cwd: resolve(dataDir) },
      }))
    try {
      await serves(child, { dataDir, replicaDir, signal: stopping })
      return child
    } catch (error) {
      await child.stop(replicaStop)
      throw error
    }
  }

  const stop = replicaStop
  const supervised = await superviseOnPort({ name, title: name, dataDir, launch, stop, observe, signal })
  const { port, adopted } = supervised.child()
  return { port, adopted, stop: supervised.stop }
}

/** It describes itself as having an admin interface once all of it serves. */
async function serves(
  child: Child,
  options: { dataDir: string; replicaDir: string; signal: AbortSignal },
): Promise<void> {
  const { dataDir, replicaDir, signal } = options
  const deadline = performance.now() + readyMs
  for (;;) {
    signal.throwIfAborted()
    const holder = readHolder(replicaDir)
    if (holder?.pid === child.identity.pid && holder.admin !== undefined) return
    if (!isAlive(child.identity)) throw new EndedEarly(child.log().split('\n').at(-1) || 'it logged nothing')
    if (performance.now() > deadline) {
      throw startupError(
        `${child.name} did not serve within ${readyMs / 1000} s.`,
        `Its log is ${logPath(dataDir, child.name)}.`,
      )
    }
    await delay(50)
  }
}
