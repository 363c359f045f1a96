import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { freePort } from '../../test/support/ports.ts'
import { until } from '../../test/support/until.ts'
import type { Valkey } from '../../test/support/valkey.ts'
import { startEnvoyproxy } from '../envoyproxy.ts'
import { accepts, ended } from '../processes.ts'
import type { Service } from './service.ts'

export interface Load {
  policies: number
  keys: number
}

/** No load is refused by it: what is measured are decisions that count. */
const limit = 100_000_000
const counterRoom = 1.2

export async function startWeir(transport: string, load: Load, valkey?: Valkey): Promise<Service> {
  const counters = Math.ceil(load.policies * load.keys * counterRoom) + 1_000
  const numbers = { policies: load.policies, limit, counters, ...(valkey && { redis: valkey.port }) }
  const options = Object.entries({ transport, ...numbers }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ])
  const child = spawn(process.execPath, [join(import.meta.dirname, 'side.ts'), ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [first] = (await once(child.stdout, 'data')) as [Buffer]
  const cuts: Record<string, number> = {}
  child.stdout.on('data', (lines: Buffer) => {
    for (const [, rule] of String(lines).matchAll(/^cut (.+)$/gm)) cuts[rule!] = (cuts[rule!] ?? 0) + 1
  })
  return {
    port: Number(String(first)),
    pids: { service: child.pid!, ...(valkey && { store: valkey.pid }) },
    dialect: 'weir',
    cuts,
    stop: () => ended(child),
  }
}

export async function startReference(binary: string, valkey: Valkey): Promise<Service> {
  const store = { kind: 'single' as const, ports: [valkey.port] }
  const { port, pid, stop } = await startEnvoyproxy(binary, { store, limit })
  return { port, pids: { service: pid, store: valkey.pid }, dialect: 'plain', stop }
}

export async function startLimitador(binary: string, load: Load): Promise<Service> {
  const port = await freePort()
  const counters = Math.ceil(load.policies * load.keys * counterRoom) + 1_000
  const child = spawn(binary, [port, load.policies, limit, counters].map(String), { stdio: 'ignore' })
  await until('Limitador answers', () => accepts(port))
  return { port, pids: { service: child.pid! }, dialect: 'plain', stop: () => ended(child) }
}
