import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { projectRoot } from '../src/project-root.ts'
import type { TransportName } from '../src/ratelimit/transports/transport.ts'
import { startValkey } from '../test/support/valkey.ts'
import { startValkeyCluster } from '../test/support/valkey-cluster.ts'
import { startEnvoyproxy } from './envoyproxy.ts'
import { ended } from './processes.ts'

/** A Valkey, or the three of a cluster. */
export interface Stores {
  kind: 'single' | 'cluster'
  ports: number[]
  pids: number[]
  stop(): Promise<void>
}

export interface Service {
  port: number
  pid: number
  /** Whose descriptors it is asked with. */
  dialect: 'weir' | 'envoyproxy'
  stop(): Promise<void>
}

/** So much that nothing is refused. */
const limit = 1_000_000

export async function startStores(kind: Stores['kind']): Promise<Stores> {
  if (kind === 'single') {
    const { port, pid, stop } = await startValkey()
    return { kind, ports: [port], pids: [pid], stop }
  }
  const { primaries, stop } = await startValkeyCluster(3)
  return { kind, ports: primaries.map(({ port }) => port), pids: primaries.map(({ pid }) => pid), stop }
}

/** weir's service in a process of its own; without stores its counters are in memory. */
export async function startWeirService(
  policies: number,
  transport: TransportName,
  stores?: Stores,
): Promise<Service> {
  const options = ['--policies', String(policies), '--limit', String(limit), '--transport', transport]
  if (stores !== undefined) {
    const scheme = stores.kind === 'cluster' ? 'redis+cluster' : 'redis'
    options.push('--redis', `${scheme}://${addresses(stores)}`)
  }
  const child = spawn(process.execPath, [join(projectRoot, 'bench', 'store-side.ts'), ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [first] = (await once(child.stdout, 'data')) as [Buffer]
  return { port: Number(String(first)), pid: child.pid!, dialect: 'weir', stop: () => ended(child) }
}

export async function startReference(binary: string, stores: Stores): Promise<Service> {
  return { ...(await startEnvoyproxy(binary, { store: stores, limit })), dialect: 'envoyproxy' }
}

function addresses({ ports }: Stores): string {
  return ports.map((port) => `127.0.0.1:${port}`).join(',')
}
