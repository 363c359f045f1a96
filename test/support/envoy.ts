import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { XdsAccess } from '../../src/bootstrap/access.ts'
import { bootstrap, type Locality } from '../../src/bootstrap/bootstrap.ts'
import type { OverloadOptions } from '../../src/bootstrap/overload.ts'
import { envoyProgram } from '../../src/local/envoy-binary.ts'
import { binaryOf } from './binary.ts'

export interface TestEnvoyOptions extends OverloadOptions {
  gateway: string
  xdsPort: number
  /** Of the other replicas. */
  moreXdsPorts?: number[]
  /** How it reaches xDS where that is guarded. */
  access?: XdsAccess
  /** Where it runs. */
  locality?: Locality
  /** Where it says whether it wants requests. */
  health?: { host: string; port: number }
  /** By default delta. */
  protocol?: 'delta' | 'sotw'
  id?: string
  labels?: Record<string, string>
  /** Where it says that others reach it. */
  addresses?: string[]
  /** Added to the bootstrap's top level, for example `static_resources` besides the xDS cluster. */
  bootstrap?: Record<string, unknown>
  /** Seconds for which a listener that is replaced goes on serving. */
  drainSeconds?: number
}

export interface TestEnvoy {
  readonly id: string
  readonly pid: number
  readonly adminPort: number
  /** Of the admin interface. */
  readonly url: string
  configDump(): Promise<Record<string, unknown>>
  /** Counters and gauges by name; a text filter as in `/stats?filter=`. */
  stats(filter?: string): Promise<Record<string, number>>
  /** Everything that Envoy wrote so far. */
  log(): string
  /** Asks it to end, and waits until it has. */
  stop(): Promise<void>
}

/** The Envoy binary: `ENVOY_BIN`, else on `PATH`, else where `npm start` installs it. */
export function envoyBinary(): string {
  return binaryOf(envoyProgram)
}

/** Starts an Envoy that joins `gateway` by ADS; resolves once its admin interface answers. */
export async function startTestEnvoy(options: TestEnvoyOptions): Promise<TestEnvoy> {
  const id = options.id ?? `test-${Math.random().toString(36).slice(2, 8)}`
  const folder = await mkdtemp(join(tmpdir(), 'weir-envoy-'))
  const addressFile = join(folder, 'admin')
  await writeFile(join(folder, 'bootstrap.json'), JSON.stringify(bootstrapOf(id, options)))
  const child = spawn(
    envoyBinary(),
    [
      ...['-c', join(folder, 'bootstrap.json'), '--admin-address-path', addressFile],
      ...['--use-dynamic-base-id', '--reject-unknown-dynamic-fields', '--concurrency', '1'],
      ...['--drain-time-s', String(options.drainSeconds ?? 1), '--log-level', 'info'],
      ...['--file-flush-interval-msec', '100'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => output.push(String(data)))
  const log = () => output.join('')
  const stop = () => end(child, folder)
  try {
    const url = `http://${await adminAddress(child, addressFile, log)}`
    const get = async (path: string) => (await fetch(url + path)).text()
    return {
      id,
      pid: child.pid!,
      adminPort: Number(new URL(url).port),
      url,
      configDump: async () => JSON.parse(await get('/config_dump?include_eds')),
      stats: async (filter = '') => parseStats(await get(`/stats?filter=${encodeURIComponent(filter)}`)),
      log,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

// Envoy tells its admin port by writing a file, so that is looked for; nothing else announces it.
async function adminAddress(child: ChildProcess, file: string, log: () => string): Promise<string> {
  const deadline = Date.now() + 30_000
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`Envoy ended with ${child.exitCode}:\n${log()}`)
    const address = await readFile(file, 'utf8').catch(() => '')
    if (address !== '') return address.trim()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`Envoy told no admin address within 30 s:\n${log()}`)
}

async function end(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const killer = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(killer)
  }
  await rm(folder, { recursive: true, force: true })
}

function parseStats(text: string): Record<string, number> {
  const lines = text.split('\n').map((line) => line.split(': '))
  const numbers = lines.filter(([, value]) => value !== undefined && /^\d+$/.test(value))
  return Object.fromEntries(numbers.map(([name, value]) => [name!, Number(value)]))
}

/** What `weir envoy bootstrap` prints, with what a test adds. */
function bootstrapOf(id: string, options: TestEnvoyOptions): object {
  const { gateway, xdsPort, protocol = 'delta', labels = {}, addresses = [], bootstrap: extra } = options
  const { health, access, locality, moreXdsPorts = [], maxConnections, maxHeapBytes } = options
  const xds = [xdsPort, ...moreXdsPorts].map((port) => ({ host: '127.0.0.1', port }))
  const overload = { maxConnections, maxHeapBytes }
  const own = { gateway, id, labels, addresses, xds, access, protocol, adminPort: 0, health, locality }
  return { ...bootstrap({ ...own, ...overload }), ...extra }
}
