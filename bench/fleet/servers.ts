import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ended } from '../processes.ts'
import { gateway } from './resources.ts'

/** A server that is measured, in a process of its own. */
export interface Server {
  readonly pid: number
  readonly port: number
  end(): Promise<void>
}

/** Bytes that weir's xDS server has in use after garbage collection, and its pages in memory. */
export interface Memory {
  used: number
  rss: number
}

export interface XdsServer extends Server {
  memory(): Promise<Memory>
}

export interface Reference extends Server {
  /** One endpoint of that cluster gets another port. */
  edit(cluster: string): Promise<unknown>
}

/** weir's xDS server with the resources of a file, and nothing else of weir. */
export async function startXds(file: string): Promise<XdsServer> {
  const child = fork(join(import.meta.dirname, 'weir-xds.ts'), [file], { execArgv: ['--expose-gc'] })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    ...server(child, port),
    async memory() {
      child.send('memory')
      const [memory] = (await once(child, 'message')) as [Memory]
      return memory
    },
  }
}

export async function startReference(program: string, file: string): Promise<Reference> {
  const child = spawn(program, [gateway, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const [xds, admin] = line.split(' ').map(Number)
  return {
    ...server(child, xds!),
    edit: (cluster) => fetch(`http://127.0.0.1:${admin}/endpoints/${cluster}`, { method: 'POST' }),
  }
}

function server(child: ChildProcess, port: number): Server {
  return { pid: child.pid!, port, end: () => ended(child) }
}

/** The most MiB that a process ever held in memory, by the kernel. */
export function peakOf(pid: number): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return Number(kibibytes) / 1_024
}
