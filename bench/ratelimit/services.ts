import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../test/support/ports.ts'
import { until } from '../../test/support/until.ts'
import type { Valkey } from '../../test/support/valkey.ts'
import { accepts, ended, type Service } from './processes.ts'

export interface Load {
  policies: number
  keys: number
}

/** No load is refused by it: what is measured are decisions that count. */
const limit = 100_000_000
const counterRoom = 1.2

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-ratelimit-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

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

export async function startEnvoyproxy(binary: string, valkey: Valkey): Promise<Service> {
  const config = join(folder, 'runtime', 'ratelimit', 'config')
  mkdirSync(config, { recursive: true })
  const descriptors = Array.from({ length: 4 }, (_, index) => [
    ...[`  - key: p${index}`, '    rate_limit:', '      unit: hour', `      requests_per_unit: ${limit}`],
  ])
  writeFileSync(join(config, 'edge.yaml'), `domain: edge\ndescriptors:\n${descriptors.flat().join('\n')}\n`)
  const [http, grpc, debug] = [await freePort(), await freePort(), await freePort()]
  const child = spawn(binary, [], {
    env: {
      ...{ HOST: '127.0.0.1', GRPC_HOST: '127.0.0.1', DEBUG_HOST: '127.0.0.1' },
      ...{ PORT: String(http), GRPC_PORT: String(grpc), DEBUG_PORT: String(debug) },
      ...{ RUNTIME_ROOT: join(folder, 'runtime'), RUNTIME_SUBDIRECTORY: 'ratelimit' },
      ...{ REDIS_SOCKET_TYPE: 'tcp', REDIS_URL: `127.0.0.1:${valkey.port}` },
      ...{ USE_STATSD: 'false', LOG_LEVEL: 'error' },
    },
    stdio: 'ignore',
  })
  await until('envoyproxy/ratelimit answers', () => accepts(grpc))
  return {
    port: grpc,
    pids: { service: child.pid!, store: valkey.pid },
    dialect: 'plain',
    stop: () => ended(child),
  }
}

export async function startLimitador(binary: string, load: Load): Promise<Service> {
  const port = await freePort()
  const counters = Math.ceil(load.policies * load.keys * counterRoom) + 1_000
  const child = spawn(binary, [port, load.policies, limit, counters].map(String), { stdio: 'ignore' })
  await until('Limitador answers', () => accepts(port))
  return { port, pids: { service: child.pid! }, dialect: 'plain', stop: () => ended(child) }
}
