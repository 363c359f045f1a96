import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { valkeyProgram } from '../../src/local/valkey-binary.ts'
import { binaryOf } from './binary.ts'
import { freePort } from './ports.ts'

export interface Valkey {
  port: number
  pid: number
  stop(): Promise<void>
}

/** A Valkey of its own, in memory only. */
export async function startValkey(more: readonly string[] = []): Promise<Valkey> {
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...more]
  const child = spawn(binaryOf(valkeyProgram), args, { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const chunk of child.stdout) if (String(chunk).includes('Ready to accept')) break
  child.stdout.resume()
  return {
    port,
    pid: child.pid!,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}
