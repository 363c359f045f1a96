import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

/** A rate-limit service in a process of its own. */
export interface Service {
  port: number
  /** The service's process, and that of its store. */
  pids: { service: number; store?: number }
  dialect: Dialect
  /** Connections that it cut off, by the rule that did it. */
  cuts?: Readonly<Record<string, number>>
  stop(): Promise<void>
}

/** Whose descriptors: weir's name the policy, those of the others are keyed by it. */
export type Dialect = 'weir' | 'plain'

/** Microseconds of CPU that a process had (proc(5)): user and system time in ticks of 10 ms. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/** MiB that a process holds in memory. */
export function rssOf(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return Number(kibibytes) / 1_024
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
