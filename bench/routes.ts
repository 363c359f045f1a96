/**
 * What many routes cost: the latency of requests to the first and the last of 10,000 routes, and the bytes and the time
 * of one edit. Beside it, in the same run, a bare Envoy that has the same routes as a plain list, from a file. One
 * command: `npm run bench:routes`.
 */

import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { envoyProgram } from '../src/local/envoy-binary.ts'
import { removePostgresData, startPostgres } from '../src/local/postgres.ts'
import { ensureProgram } from '../src/local/program.ts'
import { projectRoot } from '../src/project-root.ts'
import { startTestEnvoy, type TestEnvoy } from '../test/support/envoy.ts'
import { freePort } from '../test/support/ports.ts'
import { startWeir } from '../test/support/weir.ts'
import { bareBootstrap, bareRoutes, type Entry } from './bare-routes.ts'
import { type KeepAlive, keepAlive, requestHead } from './keep-alive.ts'
import { quantile } from './quantile.ts'

const { values } = parseArgs({
  options: {
    routes: { type: 'string', default: '10000' },
    requests: { type: 'string', default: '10000' },
    edits: { type: 'string', default: '20' },
  },
})
const [routeCount, requests, edits] = [values.routes, values.requests, values.edits].map(Number) as [
  number,
  number,
  number,
]

interface Shape {
  what: string
  hosts: number
  /** Conditions on headers that each route has besides its prefix. */
  headers: number
}

const shapes: Shape[] = [
  { what: `${routeCount} prefixes in one host`, hosts: 1, headers: 0 },
  { what: `${routeCount / 100} prefixes in each of 100 hosts`, hosts: 100, headers: 0 },
  { what: `${routeCount} prefixes in one host, 2 headers each`, hosts: 1, headers: 2 },
]

/** Of equal length, so that the order of names is the order of routes on both sides. */
function entriesOf({ hosts, headers }: Shape): Entry[] {
  return Array.from({ length: routeCount }, (_, index) => {
    const number = String(index).padStart(6, '0')
    const of = Array.from({ length: headers }, (_, header) => [`x-h${header}`, `v${index % 7}`])
    const host = `h${String(Math.floor(index / (routeCount / hosts))).padStart(3, '0')}.shop.example`
    return { name: `r-${number}`, host, prefix: `/service-${number}`, headers: Object.fromEntries(of) }
  })
}

interface Measured {
  first: number[]
  last: number[]
  bytes: number
  acked: number[]
  seen: number[]
}

/** A side of the comparison: serves the entries, and edits the one at an index so that it answers with a version. */
interface Side {
  port: number
  serve(entries: Entry[]): Promise<void>
  /** Answers with what writes the edit, and resolves when it is acknowledged where there is somebody who says so. */
  edit(entries: Entry[], index: number, version: string): () => Promise<void>
  /** Bytes by which Envoy has been told of routes so far. */
  bytes(): Promise<number>
  end(): Promise<void>
}

const headOf = ({ host, prefix, headers }: Entry) => requestHead(host, `${prefix}/x`, headers)

/** Asks over and over until the route answers with that version; a new listener refuses at first. */
async function until(port: number, entry: Entry, version: string): Promise<void> {
  const deadline = performance.now() + 60_000
  while (performance.now() < deadline) {
    const connection = await keepAlive(port).catch(() => undefined)
    if (connection === undefined) continue
    try {
      while (performance.now() < deadline) {
        if ((await connection.ask(headOf(entry))).includes(`x-version: ${version}\r\n`)) return
      }
    } catch {
    } finally {
      connection.close()
    }
  }
  throw new Error(`${entry.name} never answered with ${version}`)
}

/** In turns, so that what else the machine does meets both alike. */
async function latencies(connection: KeepAlive, entries: Entry[]): Promise<Pick<Measured, 'first' | 'last'>> {
  const measured = { first: [] as number[], last: [] as number[] }
  const ends = { first: headOf(entries[0]!), last: headOf(entries.at(-1)!) }
  const turns = 20
  for (let turn = -2; turn < turns; turn++) {
    for (const end of ['first', 'last'] as const) {
      for (let sent = 0; sent < requests / turns; sent++) {
        const from = performance.now()
        const answer = await connection.ask(ends[end])
        if (!answer.startsWith('HTTP/1.1 200')) throw new Error(`${end} answered ${answer.split('\r\n')[0]}`)
        if (turn >= 0) measured[end].push(performance.now() - from)
      }
    }
  }
  return measured
}

async function measure(side: Side, entries: Entry[]): Promise<Measured> {
  await side.serve(entries)
  await until(side.port, entries.at(-1)!, 'start')
  const connection = await keepAlive(side.port)
  const measured = await latencies(connection, entries)
  connection.close()
  const [acked, seen]: [number[], number[]] = [[], []]
  const index = Math.floor(entries.length / 2)
  const before = await side.bytes()
  for (let edit = 0; edit < edits; edit++) {
    const write = side.edit(entries, index, `acked-${edit}`)
    const from = performance.now()
    await write()
    acked.push(performance.now() - from)
  }
  const bytes = ((await side.bytes()) - before) / edits
  // Apart from those above, since asking all the time takes a core.
  for (let edit = 0; edit < edits; edit++) {
    const write = side.edit(entries, index, `seen-${edit}`)
    const from = performance.now()
    const visible = until(side.port, entries[index]!, `seen-${edit}`).then(() => performance.now() - from)
    await write()
    seen.push(await visible)
  }
  return { ...measured, bytes, acked, seen }
}

/** weir, with PostgreSQL and one Envoy of one worker. */
async function weirSide(): Promise<Side> {
  const dataDir = mkdtempSync(join(tmpdir(), 'weir-bench-'))
  const postgres = await startPostgres({ dataDir, observe: () => {} })
  const port = await freePort()
  const weir = await startWeir({ environment: { DATABASE_URL: postgres.url } })
  const gateway = {
    kind: 'Gateway',
    name: 'edge',
    spec: { listeners: [{ name: 'http', port, protocol: 'http' }] },
  }
  await weir.apply(gateway)
  const envoy = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort, id: 'bench' })
  const document = ({ name, host, prefix, headers }: Entry, version: string) => ({
    kind: 'Route',
    name,
    spec: {
      gateways: ['edge'],
      hosts: [host],
      match: {
        path: { prefix },
        headers: Object.entries(headers).map(([name, exact]) => ({ name, exact })),
      },
      respond: { status: 200, headers: { 'x-version': version } },
    },
  })
  const write = async (method: string, path: string, body: object): Promise<void> => {
    const headers = { authorization: `Bearer ${weir.token}`, 'content-type': 'application/json' }
    const response = await fetch(weir.url + path, { method, headers, body: JSON.stringify(body) })
    const text = await response.text()
    // A smaller table takes the place of a larger one.
    const [, token] = /"confirmation":\{"token":"(\w+)"/.exec(text) ?? []
    if (token !== undefined && !path.includes('confirm='))
      return write(method, `${path}&confirm=${token}`, body)
    if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 500)}`)
  }
  return {
    port,
    serve: (entries) =>
      write('POST', '/v1/apply?prune=true&wait=acked&timeout=60s', [
        gateway,
        ...entries.map((entry) => document(entry, 'start')),
      ]),
    edit: (entries, index, version) => () =>
      write(
        'PUT',
        `/v1/routes/${entries[index]!.name}?wait=acked&timeout=60s`,
        document(entries[index]!, version),
      ),
    bytes: () => weir.metric('weir_xds_bytes_sent_total', { type: 'route' }),
    async end() {
      await envoy.stop()
      await weir.end()
      await postgres.stop()
      removePostgresData(dataDir)
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** A bare Envoy of one worker: plain lists, in the binary form, from a file that it watches. */
async function bareSide(): Promise<Side> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bare-'))
  const port = await freePort()
  const file = join(folder, 'routes.pb')
  let [written, envoy]: [number, TestEnvoy | undefined] = [0, undefined]
  const write = (bytes: Buffer) => {
    writeFileSync(`${file}.new`, bytes)
    written += bytes.length
    renameSync(`${file}.new`, file)
  }
  return {
    port,
    async serve(entries) {
      write(bareRoutes(entries, () => 'start'))
      envoy ??= await startTestEnvoy({ gateway: 'bare', xdsPort: 1, bootstrap: bareBootstrap(port, file) })
    },
    edit(entries, edited, version) {
      const bytes = bareRoutes(entries, (index) => (index === edited ? version : 'start'))
      return async () => write(bytes)
    },
    bytes: async () => written,
    async end() {
      await envoy?.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const print = (text: string) => void process.stdout.write(`${text}\n`)
const us = (samples: number[], share: number) => `${(quantile(samples, share) * 1000).toFixed(0)} us`
const ms = (samples: number[], share: number) => `${quantile(samples, share).toFixed(0)} ms`

function row(
  what: string,
  who: string,
  { first, last, bytes, acked, seen }: Measured,
  acks: boolean,
): string {
  const ratio = quantile(last, 0.5) / quantile(first, 0.5)
  const cells = [
    ...[what, who, `${us(first, 0.5)} (${us(first, 0.99)})`, `${us(last, 0.5)} (${us(last, 0.99)})`],
    ...[ratio.toFixed(2), `${(bytes / 1000).toFixed(0)} kB`],
    ...[acks ? `${ms(acked, 0.5)} (${ms(acked, 0.99)})` : '', `${ms(seen, 0.5)} (${ms(seen, 0.99)})`],
  ]
  return `| ${cells.join(' | ')} |`
}

const { path: envoyBin } = await ensureProgram(envoyProgram, {
  dataDir: join(projectRoot, '.weir'),
  path: process.env.PATH,
  given: process.env.ENVOY_BIN,
  observe: () => undefined,
})
process.env.ENVOY_BIN = envoyBin
print(
  `${requests} requests to each end over one connection, ${edits} edits; p50 (p99). Aim: last/first <= 1.3 ...`,
)
const sides = { weir: await weirSide(), 'bare Envoy, list, file': await bareSide() }
print('\n| routes | who | first | last | last/first | bytes of an edit | write to ACK | write to seen |')
print('|---|---|---|---|---|---|---|---|')
for (const shape of shapes) {
  const entries = entriesOf(shape)
  for (const [who, side] of Object.entries(sides)) {
    print(row(shape.what, who, await measure(side, entries), who === 'weir'))
  }
}
for (const side of Object.values(sides)) await side.end()
