/**
 * What a decision costs in CPU, the service's and the store's: weir beside envoyproxy/ratelimit with the same Valkey, in
 * the same run. One command: `npm run bench:store`. It needs `VALKEY_BIN`, and for the reference Go, by which
 * envoyproxy/ratelimit is built, or its binary in `RATELIMIT_BIN`.
 */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs, promisify } from 'node:util'
import { projectRoot } from '../src/project-root.ts'
import { freePort } from '../test/support/ports.ts'
import { until } from '../test/support/until.ts'
import { startValkey } from '../test/support/valkey.ts'
import type { Asked } from './store-load.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '60000' },
    keys: { type: 'string', default: '100000' },
    inFlight: { type: 'string', default: '128' },
  },
})

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-store-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

interface Service {
  port: number
  /** Process ids whose CPU a decision costs: the service's, and its store's. */
  pids: { service: number; store?: number }
  dialect: 'weir' | 'envoyproxy'
  stop(): Promise<void>
}

async function startWeir(policies: number, redis?: { port: number; pid: number }): Promise<Service> {
  const options = ['--policies', String(policies), '--limit', '1000000']
  if (redis !== undefined) options.push('--redis', String(redis.port))
  const child = spawn(process.execPath, [join(projectRoot, 'bench', 'store-side.ts'), ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [first] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    port: Number(String(first)),
    pids: { service: child.pid!, ...(redis && { store: redis.pid }) },
    dialect: 'weir',
    stop: () => ended(child),
  }
}

async function startReference(binary: string, redis: { port: number; pid: number }): Promise<Service> {
  const config = join(folder, 'reference', 'ratelimit', 'config')
  mkdirSync(config, { recursive: true })
  const descriptors = Array.from({ length: 4 }, (_, index) =>
    [`  - key: p${index}`, '    rate_limit:', '      unit: hour', '      requests_per_unit: 1000000'].join(
      '\n',
    ),
  )
  writeFileSync(join(config, 'edge.yaml'), `domain: edge\ndescriptors:\n${descriptors.join('\n')}\n`)
  const [http, grpc, debug] = [await freePort(), await freePort(), await freePort()]
  const child = spawn(binary, [], {
    env: {
      ...{ HOST: '127.0.0.1', GRPC_HOST: '127.0.0.1', DEBUG_HOST: '127.0.0.1' },
      ...{ PORT: String(http), GRPC_PORT: String(grpc), DEBUG_PORT: String(debug) },
      ...{ RUNTIME_ROOT: join(folder, 'reference'), RUNTIME_SUBDIRECTORY: 'ratelimit' },
      ...{
        REDIS_SOCKET_TYPE: 'tcp',
        REDIS_URL: `127.0.0.1:${redis.port}`,
        USE_STATSD: 'false',
        LOG_LEVEL: 'error',
      },
    },
    stdio: 'ignore',
  })
  await until('the reference answers', () => accepts(grpc))
  return {
    port: grpc,
    pids: { service: child.pid!, store: redis.pid },
    dialect: 'envoyproxy',
    stop: () => ended(child),
  }
}

async function ended(child: ReturnType<typeof spawn>): Promise<void> {
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('close', () => socket.destroy())
  })
}

/** Microseconds of CPU that a process had, by proc(5): user and system time in ticks of 10 ms. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

async function load(service: Service, policies: number, requests: number): Promise<Asked> {
  const options = { port: service.port, requests, policies, keys: values.keys, inFlight: values.inFlight }
  const args = Object.entries({ ...options, dialect: service.dialect }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ])
  const child = spawn(process.execPath, [join(projectRoot, 'bench', 'store-load.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  if (code !== 0) throw new Error(`the load ended with ${code}`)
  return JSON.parse(output)
}

async function measure(name: string, policies: number, service: Service): Promise<void> {
  try {
    const requests = Number(values.requests)
    await load(service, policies, requests / 4)
    const before = { service: cpuOf(service.pids.service), store: cpuOf(service.pids.store ?? process.pid) }
    const { perSecond, p50, p99, overLimit } = await load(service, policies, requests)
    const own = (cpuOf(service.pids.service) - before.service) / requests
    const store = service.pids.store === undefined ? 0 : (cpuOf(service.pids.store) - before.store) / requests
    const cells = [name, policies, ...[own, store, own + store].map((us) => us.toFixed(1))]
    row(...cells, perSecond.toFixed(0), p50.toFixed(1), p99.toFixed(1), overLimit)
  } finally {
    await service.stop()
  }
}

/** Built by Go where there is none; nothing where there is no Go either. */
async function reference(): Promise<string | undefined> {
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

const print = (line: string) => void process.stdout.write(`${line}\n`)
const row = (...cells: (string | number)[]) => print(`| ${cells.join(' | ')} |`)

const binary = await reference()
if (binary === undefined) print('No Go and no RATELIMIT_BIN: without the reference.\n')
const columns = [
  '',
  'policies',
  'service, us',
  'store, us',
  'CPU a decision, us',
  'decisions/s',
  'p50 ms',
  'p99 ms',
  'refused',
]
row(...columns)
row(...columns.map(() => '---'))
for (const policies of [1, 4]) {
  for (const side of ['envoyproxy/ratelimit', 'weir', 'weir, in memory'] as const) {
    if (side === 'envoyproxy/ratelimit' && binary === undefined) continue
    const valkey = side === 'weir, in memory' ? undefined : await startValkey()
    try {
      const started =
        side === 'envoyproxy/ratelimit' ? startReference(binary!, valkey!) : startWeir(policies, valkey)
      await measure(side, policies, await started)
    } finally {
      await valkey?.stop()
    }
  }
}
