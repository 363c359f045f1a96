import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { envoyBinary } from './envoy.ts'

/** A process as a container runtime would start it: its own environment, signals to it alone. */
export interface Container {
  pid: number
  log(): string
  running(): boolean
  signal(name: NodeJS.Signals): void
  /** Its exit code, or 128 + n where signal n ended it. */
  exited: Promise<number>
  /** Kills what is left of it. */
  remove(): Promise<void>
}

export interface ContainerOptions {
  command: readonly string[]
  environment?: Readonly<Record<string, string>>
  cwd?: string
  uid?: number
}

const numbers: Partial<Record<NodeJS.Signals, number>> = { SIGKILL: 9, SIGTERM: 15, SIGINT: 2 }

/** Runs a command with `node` and `envoy` on its PATH, in a process group of its own. */
export function runContainer({ command, environment = {}, cwd, uid }: ContainerOptions): Container {
  const bin = mkdtempSync(join(tmpdir(), 'weir-bin-'))
  symlinkSync(envoyBinary(), join(bin, 'envoy'))
  symlinkSync(process.execPath, join(bin, 'node'))
  const [file, ...args] = command
  const child = spawn(file!, args, {
    env: { PATH: [bin, process.env.PATH].join(delimiter), ...environment },
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => output.push(text))
  }
  const exited = exitOf(child)
  return {
    pid: child.pid!,
    log: () => output.join(''),
    running: () => child.exitCode === null && child.signalCode === null,
    signal: (name) => void child.kill(name),
    exited,
    async remove() {
      try {
        process.kill(-child.pid!, 'SIGKILL')
      } catch {
        // Nothing is left of its group.
      }
      await exited
      rmSync(bin, { recursive: true, force: true })
    },
  }
}

async function exitOf(child: ChildProcess): Promise<number> {
  const [code, signal] = await once(child, 'exit')
  return code ?? 128 + (numbers[signal as NodeJS.Signals] ?? 0)
}
