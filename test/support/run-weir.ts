import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const program = join(import.meta.dirname, '../../bin/weir')

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  environment?: Record<string, string>
  stdin?: string
  cwd?: string
  signal?: { name: NodeJS.Signals; when: Promise<unknown> }
}

/** Runs `bin/weir` as a user would, with nothing of this process's settings. */
export async function weir(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { environment = {}, stdin, cwd, signal } = options
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH, HOME: '/nonexistent', ...environment },
    cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', () => {}) // It may end before it reads.
  child.stdin.end(stdin)
  void signal?.when.then(() => child.kill(signal.name))
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve))
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await exited, stdout, stderr }
}
