import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from '../src/project-root.ts'
import type { TransportName } from '../src/ratelimit/transports/transport.ts'
import { freePort } from '../test/support/ports.ts'
import { until } from '../test/support/until.ts'
import { startValkey } from '../test/support/valkey.ts'
import { startValkeyCluster } from '../test/support/valkey-cluster.ts'

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

/** envoyproxy/ratelimit as its README sets it up; in a cluster with the 150 us for which it gathers commands there. */
export async function startReference(binary: string, stores: Stores): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-store-'))
  const config = join(folder, 'ratelimit', 'config')
  mkdirSync(config, { recursive: true })
  const descriptors = Array.from({ length: 4 }, (_, index) =>
    [`  - key: p${index}`, '    rate_limit:', '      unit: hour', `      requests_per_unit: ${limit}`].join(
      '\n',
    ),
  )
  writeFileSync(join(config, 'edge.yaml'), `domain: edge\ndescriptors:\n${descriptors.join('\n')}\n`)
  const [http, grpc, debug] = [await freePort(), await freePort(), await freePort()]
  const child = spawn(binary, [], {
    env: {
      ...{ HOST: '127.0.0.1', GRPC_HOST: '127.0.0.1', DEBUG_HOST: '127.0.0.1' },
      ...{ PORT: String(http), GRPC_PORT: String(grpc), DEBUG_PORT: String(debug) },
      ...{ RUNTIME_ROOT: folder, RUNTIME_SUBDIRECTORY: 'ratelimit' },
      ...{ REDIS_SOCKET_TYPE: 'tcp', REDIS_URL: addresses(stores), REDIS_TYPE: stores.kind },
      ...(stores.kind === 'cluster' && { REDIS_PIPELINE_WINDOW: '150us' }),
      ...{ USE_STATSD: 'false', LOG_LEVEL: 'error' },
    },
    stdio: 'ignore',
  })
  const stop = async () => {
    await ended(child)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await until('the reference answers', () => accepts(grpc))
  } catch (error) {
    await stop()
    throw error
  }
  return { port: grpc, pid: child.pid!, dialect: 'envoyproxy', stop }
}

/** The binary of `RATELIMIT_BIN`, or one that Go builds; nothing where there is neither. */
export async function referenceBinary(): Promise<string | undefined> {
  if (process.env.RATELIMIT_BIN !== undefined) return process.env.RATELIMIT_BIN
  const cache = join(projectRoot, '.weir-bench')
  const binary = join(cache, 'service_cmd')
  if (existsSync(binary)) return binary
  try {
    const env = { ...process.env, GOBIN: cache }
    await promisify(execFile)('go', ['install', 'github.com/envoyproxy/ratelimit/src/service_cmd@latest'], {
      env,
    })
    return binary
  } catch {
    return undefined
  }
}

function addresses({ ports }: Stores): string {
  return ports.map((port) => `127.0.0.1:${port}`).join(',')
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
