import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * A process told apart from a later one with the same number.
 * `startTime` is clock ticks since boot on Linux (proc(5), /proc/PID/stat field 22), milliseconds since
 * the epoch elsewhere; `boot` names the boot that the ticks count from.
 */
export interface ProcessIdentity {
  pid: number
  startTime: number
  boot?: string
}

interface Status {
  state: string
  startTime: number
}

const linux = process.platform === 'linux'

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

const boot = linux ? readText('/proc/sys/kernel/random/boot_id')?.trim() : undefined

function statusOf(pid: number): Status | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
  return linux ? linuxStatus(pid) : psStatus(pid)
}

function linuxStatus(pid: number): Status | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The command's name is in parentheses and may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const startTime = Number(fields[22 - 3])
  return Number.isFinite(startTime) ? { state: fields[0] ?? '', startTime } : undefined
}

function psStatus(pid: number): Status | undefined {
  const answer = ps(pid, 'stat=,lstart=')
  const [state, ...started] = answer.split(/\s+/)
  const startTime = Date.parse(started.join(' '))
  return state && Number.isFinite(startTime) ? { state, startTime } : undefined
}

function ps(pid: number, columns: string): string {
  const result = spawnSync('/bin/ps', ['-o', columns, '-p', String(pid)], {
    encoding: 'utf8',
    env: { LANG: 'C' },
  })
  return (result.stdout ?? '').trim()
}

/** When the process started (units: see `ProcessIdentity`); undefined when there is none. */
export function startTimeOf(pid: number): number | undefined {
  return statusOf(pid)?.startTime
}

export function identify(pid: number): ProcessIdentity | undefined {
  const startTime = startTimeOf(pid)
  if (startTime === undefined) return undefined
  return boot === undefined ? { pid, startTime } : { pid, startTime, boot }
}

/** Whether exactly this process still runs; a zombie does not. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.boot !== undefined && boot !== undefined && identity.boot !== boot) return false
  const status = statusOf(identity.pid)
  if (status === undefined || status.startTime !== identity.startTime) return false
  return !/^[ZXx]/.test(status.state)
}

/** The command line of a process, '' when it cannot be read. */
export function commandOf(pid: number): string {
  if (!linux) return ps(pid, 'command=')
  return (readText(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim()
}
