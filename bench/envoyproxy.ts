import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../test/support/ports.ts'
import { until } from '../test/support/until.ts'
import { accepts, ended } from './processes.ts'

export interface EnvoyproxyOptions {
  store: { kind: 'single' | 'cluster'; ports: readonly number[] }
  /** Of each of its four policies, `p0` to `p3`, an hour. */
  limit: number
}

/** envoyproxy/ratelimit as its README sets it up; in a cluster with the 150 us for which it gathers commands there. */
export async function startEnvoyproxy(
  binary: string,
  { store, limit }: EnvoyproxyOptions,
): Promise<{ port: number; pid: number; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-envoyproxy-'))
  const config = join(folder, 'ratelimit', 'config')
  mkdirSync(config, { recursive: true })
  const descriptors = Array.from({ length: 4 }, (_, index) => [
    ...[`  - key: p${index}`, '    rate_limit:', '      unit: hour', `      requests_per_unit: ${limit}`],
  ])
  writeFileSync(join(config, 'edge.yaml'), `domain: edge\ndescriptors:\n${descriptors.flat().join('\n')}\n`)
  const [http, grpc, debug] = [await freePort(), await freePort(), await freePort()]
  const addresses = store.ports.map((port) => `127.0.0.1:${port}`).join(',')
  const child = spawn(binary, [], {
    env: {
      ...{ HOST: '127.0.0.1', GRPC_HOST: '127.0.0.1', DEBUG_HOST: '127.0.0.1' },
      ...{ PORT: String(http), GRPC_PORT: String(grpc), DEBUG_PORT: String(debug) },
      ...{ RUNTIME_ROOT: folder, RUNTIME_SUBDIRECTORY: 'ratelimit' },
      ...{ REDIS_SOCKET_TYPE: 'tcp', REDIS_URL: addresses, REDIS_TYPE: store.kind },
      ...(store.kind === 'cluster' && { REDIS_PIPELINE_WINDOW: '150us' }),
      ...{ USE_STATSD: 'false', LOG_LEVEL: 'error' },
    },
    stdio: 'ignore',
  })
  const stop = async () => {
    await ended(child)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await until('envoyproxy/ratelimit answers', () => accepts(grpc))
  } catch (error) {
    await stop()
    throw error
  }
  return { port: grpc, pid: child.pid!, stop }
}
