/**
 * A large configuration: 10,000 routes and 2,000 clusters in one apply, and what is done with it afterwards. Beside it,
 * in the same run and the same PostgreSQL, the same rows inserted by a bare client. One command: `npm run bench:apply`.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { stringify } from 'yaml'
import { removePostgresData, startPostgres } from '../src/local/postgres.ts'
import { migrate } from '../src/store/migrate.ts'
import { migrationsFolder, urlOf } from '../test/support/postgres.ts'
import { startWeir, type Weir } from '../test/support/weir.ts'
import { quantile } from './quantile.ts'

const { values } = parseArgs({
  options: {
    routes: { type: 'string', default: '10000' },
    clusters: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '30' },
  },
})
const [routeCount, clusterCount, rounds] = [values.routes, values.clusters, values.rounds].map(Number) as [
  number,
  number,
  number,
]

interface Doc {
  kind: string
  name: string
  labels?: Record<string, string>
  spec: object
}

const gateway: Doc = {
  kind: 'Gateway',
  name: 'edge',
  spec: { listeners: [{ name: 'http', port: 10000, protocol: 'http' }] },
}
const clusters = Array.from({ length: clusterCount }, (_, index): Doc => {
  const endpoints = [1, 2, 3].map((host) => ({
    address: `10.${index >> 8}.${index & 255}.${host}`,
    port: 8080,
  }))
  return { kind: 'Cluster', name: `cluster-${index}`, spec: { endpoints, connectTimeout: '1s' } }
})
const routes = Array.from({ length: routeCount }, (_, index): Doc => route(index, 'v1'))
const documents = [gateway, ...clusters, ...routes]

/** Fifty routes a host, as a company with hundreds of services has them. */
function route(index: number, version: string): Doc {
  return {
    kind: 'Route',
    name: `route-${index}`,
    labels: { team: `team-${index % 40}` },
    spec: {
      gateways: ['edge'],
      hosts: [`h${Math.floor(index / 50)}.shop.example`],
      match: { path: { prefix: `/${version}/service-${index}` } },
      forward: [{ cluster: `cluster-${index % clusterCount}` }],
    },
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}

/** Memory of a process in MiB, from the kernel. */
function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line![1]) / 1024
}

/** The same rows by a bare client, a statement for each 2,000 as the store does it, in one transaction. */
async function bareInsert(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const took = await timed(async () => {
    await client.query('begin')
    await client.query(`insert into revisions (id, author) values (1, 'bench')`)
    for (let start = 0; start < documents.length; start += 2_000) {
      const part = documents.slice(start, start + 2_000)
      await client.query(
        `insert into objects (kind, name, owner, labels, spec, from_revision)
         select kind, name, '', labels, spec, 1 from unnest($1::text[], $2::text[], $3::jsonb[], $4::json[])
           as rows (kind, name, labels, spec)`,
        [
          part.map(({ kind }) => kind),
          part.map(({ name }) => name),
          part.map(({ labels = {} }) => JSON.stringify(labels)),
          part.map(({ spec }) => JSON.stringify(spec)),
        ],
      )
    }
    await client.query('commit')
  })
  await client.end()
  return took
}

async function call(weir: Weir, method: string, path: string, body?: string, type = 'application/json') {
  const headers = {
    authorization: `Bearer ${weir.token}`,
    ...(body === undefined ? {} : { 'content-type': type }),
  }
  const response = await fetch(weir.url + path, { method, headers, ...(body === undefined ? {} : { body }) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 500)}`)
  return text
}

async function repeated(work: (round: number) => Promise<unknown>): Promise<number[]> {
  const samples: number[] = []
  for (let round = 0; round < rounds; round++) samples.push(await timed(() => work(round)))
  return samples
}

const dataDir = mkdtempSync(join(tmpdir(), 'weir-bench-'))
const postgres = await startPostgres({ dataDir, observe: () => {} })
const databases: string[] = []

async function database(): Promise<string> {
  const name = `bench_${databases.length}`
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  databases.push(name)
  return urlOf(postgres.url, name)
}

const print = (text: string) => void process.stdout.write(`${text}\n`)
const ms = (value: number) => `${value.toFixed(value < 100 ? 1 : 0)} ms`
const rows: [what: string, ours: string, reference: string, aim: string][] = []

print(`${routeCount} routes, ${clusterCount} clusters; ${rounds} rounds of what follows ...`)
const bareUrl = await database()
const pool = new pg.Pool({ connectionString: bareUrl, max: 1 })
await migrate(pool, migrationsFolder, () => {})
await pool.end()
const bare = await bareInsert(bareUrl)

const json = JSON.stringify(documents)
const yaml = documents.map((document) => stringify(document)).join('---\n')

const yamlWeir = await startWeir({ environment: { DATABASE_URL: await database() } })
const applyYaml = await timed(() => call(yamlWeir, 'POST', '/v1/apply', yaml, 'application/yaml'))
await yamlWeir.end()

const weir = await startWeir({ environment: { DATABASE_URL: await database() } })
const apply = await timed(() => call(weir, 'POST', '/v1/apply', json))
rows.push([
  `one apply of ${documents.length} documents, JSON`,
  ms(apply),
  `${ms(bare)}: bare INSERT`,
  '< 5000 ms',
])
rows.push(['the same as YAML', ms(applyYaml), '', '< 5000 ms'])
const inForce = await timed(() => call(weir, 'POST', '/v1/apply?wait=acked', JSON.stringify(gateway)))
rows.push(['until that is compiled and in force, after the answer', ms(inForce), '', ''])
rows.push([
  'the same apply again: unchanged',
  ms(await timed(() => call(weir, 'POST', '/v1/apply', json))),
  '',
  '',
])
rows.push(['memory after that', `${memoryOf(weir.pid, 'VmRSS').toFixed(0)} MiB`, '', '< 1024 MiB'])

const samples: [what: string, work: (round: number) => Promise<unknown>, aim: string][] = [
  [
    'one edit of a route (PUT)',
    (round) => call(weir, 'PUT', '/v1/routes/route-7', JSON.stringify(route(7, `v${round + 2}`))),
    '',
  ],
  [
    'one edit, until it is compiled and in force (PUT ?wait=acked)',
    (round) => call(weir, 'PUT', '/v1/routes/route-8?wait=acked', JSON.stringify(route(8, `v${round + 2}`))),
    '',
  ],
  [
    'dry run of one edit',
    (round) => call(weir, 'POST', '/v1/apply?dryRun=true', JSON.stringify(route(9, `w${round}`))),
    '',
  ],
  ['one route read', () => call(weir, 'GET', '/v1/routes/route-5000'), '< 10 ms'],
  [
    'a page of 100 routes',
    (round) => call(weir, 'GET', `/v1/routes?limit=100&cursor=${cursor(round)}`),
    '< 50 ms',
  ],
  [
    'a page of 100 routes of one team',
    () => call(weir, 'GET', '/v1/routes?limit=100&labels=team=team-7'),
    '< 50 ms',
  ],
  ['a page of 100 routes as it was (?at=1)', () => call(weir, 'GET', '/v1/routes?limit=100&at=1'), ''],
  ['a diff of one edit', () => call(weir, 'GET', '/v1/revisions/2/diff'), '< 50 ms'],
]
for (const [what, work, aim] of samples) {
  const found = await repeated(work)
  rows.push([`${what}, p50 (p99)`, `${ms(quantile(found, 0.5))} (${ms(quantile(found, 0.99))})`, '', aim])
}
rows.push(['a diff of everything', ms(await timed(() => call(weir, 'GET', '/v1/revisions/1/diff'))), '', ''])
rows.push(['export', ms(await timed(() => call(weir, 'GET', '/v1/export'))), '', '< 5000 ms'])
rows.push(['peak memory', `${memoryOf(weir.pid, 'VmHWM').toFixed(0)} MiB`, '', '< 1024 MiB'])
await weir.end()

function cursor(round: number): string {
  return Buffer.from(`route-${1_000 + round * 17}`).toString('base64url')
}

await postgres.stop()
removePostgresData(dataDir)
rmSync(dataDir, { recursive: true, force: true })

print('\n| what | weir | reference | aim |\n|---|---|---|---|')
for (const row of rows) print(`| ${row.join(' | ')} |`)
