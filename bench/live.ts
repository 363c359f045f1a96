/**
 * How long a user waits: from a warm start to the first limited answer, and from a REST edit to the first request that
 * sees it. Beside it, in the same run, a bare Envoy that gets the same from files. One command: `npm run bench:live`.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { envoyProgram } from '../src/local/envoy-binary.ts'
import { removePostgresData } from '../src/local/postgres.ts'
import { ensureProgram } from '../src/local/program.ts'
import { projectRoot } from '../src/project-root.ts'
import { freePort } from '../test/support/ports.ts'
import { startUpstream } from '../test/support/upstream.ts'
import { startWeir } from '../test/support/weir.ts'
import { quantile } from './quantile.ts'

const { values } = parseArgs({
  options: { edits: { type: 'string', default: '200' }, starts: { type: 'string', default: '5' } },
})
const edits = Number(values.edits)
const starts = Number(values.starts)

const agent = new Agent({ keepAlive: true, maxSockets: 1 })

interface Seen {
  status: number
  limited: boolean
}

/** One request; a refused connection counts as not answered. */
function ask(port: number, path: string): Promise<Seen | undefined> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path, agent }, (response) => {
      response.resume()
      const { statusCode, headers } = response
      response.on('end', () => resolve({ status: statusCode!, limited: headers.ratelimit !== undefined }))
    }).on('error', () => resolve(undefined))
  })
}

/** Asks again at once until the answer is the one that is waited for; answers with the milliseconds since `from`. */
async function until(
  port: number,
  path: string,
  good: (seen: Seen) => boolean,
  from: number,
): Promise<number> {
  for (;;) {
    const seen = await ask(port, path)
    if (seen !== undefined && good(seen)) return performance.now() - from
    if (performance.now() - from > 30_000) throw new Error(`${path} never became what was waited for`)
  }
}

interface Result {
  start: number[]
  edit: number[]
}

const envoy = await ensureProgram(envoyProgram, {
  dataDir: join(projectRoot, '.weir'),
  path: process.env.PATH,
  given: process.env.ENVOY_BIN,
  observe: () => undefined,
})
const upstream = await startUpstream('main')

/** weir: `weir up` on a data dir that has been used; an edit is a PUT of a route with another prefix. */
async function measureWeir(): Promise<Result> {
  const dataDir = mkdtempSync(join(tmpdir(), 'weir-bench-'))
  const port = await freePort()
  const environment = { ENVOY_BIN: envoy.path, WEIR_CONFIG: '' }
  const start: number[] = []
  let weir = await startWeir({ command: 'up', dataDir, environment })
  await weir.apply(
    { kind: 'Gateway', name: 'edge', spec: { listeners: [{ name: 'http', port, protocol: 'http' }] } },
    { kind: 'Cluster', name: 'main', spec: { endpoints: [{ address: '127.0.0.1', port: upstream.port }] } },
    {
      kind: 'RateLimitPolicy',
      name: 'all',
      spec: { algorithm: 'fixed_window', limit: 1_000_000_000, window: '1h', key: [{ constant: 'x' }] },
    },
    route('edited', '/edit-start'),
    route('limited', '/limited', ['all']),
  )
  for (let round = 0; round < starts; round++) {
    await weir.end()
    const from = performance.now()
    const first = until(port, '/limited', ({ limited }) => limited, from)
    weir = await startWeir({ command: 'up', dataDir, environment })
    start.push(await first)
  }
  const edit: number[] = []
  for (let round = 0; round < edits; round++) {
    const from = performance.now()
    const put = weir.api('PUT', '/v1/routes/edited', route('edited', `/edit-${round}`))
    edit.push(await until(port, `/edit-${round}`, ({ status }) => status === 200, from))
    await put
  }
  await weir.end()
  removePostgresData(dataDir)
  rmSync(dataDir, { recursive: true })
  return { start, edit }
}

function route(name: string, prefix: string, rateLimits: string[] = []) {
  const spec = { gateways: ['edge'], match: { path: { prefix } }, forward: [{ cluster: 'main' }], rateLimits }
  return { kind: 'Route', name, spec }
}

/** A bare Envoy: no limits; its routes come from a file that it watches, and an edit is the file's replacement. */
async function measureBare(): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bare-'))
  const port = await freePort()
  const file = join(folder, 'routes.json')
  const writeRoutes = (prefix: string) => {
    writeFileSync(`${file}.new`, JSON.stringify(bareRoutes(prefix)))
    renameSync(`${file}.new`, file)
  }
  writeRoutes('/limited')
  writeFileSync(join(folder, 'envoy.json'), JSON.stringify(bareBootstrap(port, file)))
  const launch = () =>
    spawn(
      envoy.path,
      [
        '-c',
        join(folder, 'envoy.json'),
        '--use-dynamic-base-id',
        '--concurrency',
        '2',
        '--log-level',
        'error',
      ],
      { stdio: 'ignore' },
    )
  const start: number[] = []
  let child = launch()
  await until(port, '/limited', ({ status }) => status === 200, performance.now())
  for (let round = 0; round < starts; round++) {
    child.kill('SIGTERM')
    await once(child, 'exit')
    const from = performance.now()
    child = launch()
    start.push(await until(port, '/limited', ({ status }) => status === 200, from))
  }
  const edit: number[] = []
  for (let round = 0; round < edits; round++) {
    const from = performance.now()
    writeRoutes(`/edit-${round}`)
    edit.push(await until(port, `/edit-${round}`, ({ status }) => status === 200, from))
  }
  child.kill('SIGTERM')
  await once(child, 'exit')
  rmSync(folder, { recursive: true })
  return { start, edit }
}

function bareRoutes(prefix: string) {
  const routes = [{ match: { prefix }, route: { cluster: 'main' } }]
  const type = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration'
  return {
    version_info: prefix,
    resources: [{ '@type': type, name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], routes }] }],
  }
}

function bareBootstrap(port: number, file: string) {
  const address = (at: number) => ({ socket_address: { address: '127.0.0.1', port_value: at } })
  const manager = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'bare',
    rds: {
      route_config_name: 'r',
      config_source: { path_config_source: { path: file }, resource_api_version: 'V3' },
    },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  }
  const endpoint = { endpoint: { address: address(upstream.port) } }
  return {
    node: { id: 'bare', cluster: 'bare' },
    static_resources: {
      listeners: [
        {
          name: 'l',
          address: address(port),
          filter_chains: [
            { filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] },
          ],
        },
      ],
      clusters: [
        {
          name: 'main',
          type: 'STATIC',
          load_assignment: { cluster_name: 'main', endpoints: [{ lb_endpoints: [endpoint] }] },
        },
      ],
    },
  }
}

const print = (text: string) => void process.stdout.write(`${text}\n`)
const milliseconds = (value: number) => `${value.toFixed(value < 100 ? 1 : 0)} ms`

print(`${starts} starts, ${edits} edits each; the other side in the same run ...`)
const bare = await measureBare()
const ours = await measureWeir()
await upstream.close()
agent.destroy()

const rows = [
  [
    'warm start to the first (limited) answer, p50',
    quantile(ours.start, 0.5),
    quantile(bare.start, 0.5),
    '< 5000 ms',
  ],
  ['warm start, worst', Math.max(...ours.start), Math.max(...bare.start), ''],
  [
    'edit to the first request that sees it, p50',
    quantile(ours.edit, 0.5),
    quantile(bare.edit, 0.5),
    '< 50 ms',
  ],
  ['edit to the first request that sees it, p99', quantile(ours.edit, 0.99), quantile(bare.edit, 0.99), ''],
] as const
print(`\n| what | weir | bare Envoy, files | ratio | aim |\n|---|---|---|---|---|`)
for (const [what, mine, theirs, aim] of rows) {
  print(
    `| ${what} | ${milliseconds(mine)} | ${milliseconds(theirs)} | ${(mine / theirs).toFixed(1)} | ${aim} |`,
  )
}
