import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parseAllDocuments, stringify } from 'yaml'
import { compile } from '../../src/compile/compile.ts'
import { removePostgresData } from '../../src/local/postgres.ts'
import type { Document } from '../../src/model/document.ts'
import { emptyState, replace } from '../../src/model/state.ts'
import { dumpedInForce, expectedInForce } from '../support/in-force.ts'
import { testLive } from '../support/live.ts'
import { startLoad } from '../support/load/load.ts'
import { processesWith, record } from '../support/local-processes.ts'
import { freePort } from '../support/ports.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startWeir, type Weir } from '../support/weir.ts'

/** `WEIR_LONG=1` kills 50 times instead of 4. */
const kills = process.env.WEIR_LONG === '1' ? 50 : 4

let dataDir: string
let port: number
let upstream: Upstream
let environment: Record<string, string>
let weir: Weir

before(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'weir-crash-'))
  port = await freePort()
  upstream = await startUpstream('main')
  const documents = [
    { kind: 'Gateway', name: 'edge', spec: { listeners: [{ name: 'http', port, protocol: 'http' }] } },
    { kind: 'Cluster', name: 'main', spec: { endpoints: [{ address: '127.0.0.1', port: upstream.port }] } },
    {
      kind: 'Route',
      name: 'limited',
      spec: {
        gateways: ['edge'],
        match: { path: { prefix: '/' } },
        forward: [{ cluster: 'main' }],
        rateLimits: ['many'],
      },
    },
    {
      kind: 'RateLimitPolicy',
      name: 'many',
      spec: { algorithm: 'fixed_window', limit: 1_000_000, window: '1h', key: [{ constant: 'all' }] },
    },
  ]
  const config = join(dataDir, 'config.yaml')
  writeFileSync(config, documents.map((document) => stringify(document)).join('---\n'))
  environment = {
    WEIR_CONFIG: config,
    WEIR_ADMIN_ADDR: `127.0.0.1:${await freePort()}`,
    WEIR_XDS_ADDR: `127.0.0.1:${await freePort()}`,
    WEIR_RLS_ADDR: `127.0.0.1:${await freePort()}`,
  }
  weir = await start()
})

after(async () => {
  await weir?.end()
  await upstream?.close()
  removePostgresData(dataDir)
  rmSync(dataDir, { recursive: true, force: true })
})

const start = () => startWeir({ command: 'up', dataDir, environment })

async function envoyStats(filter: string): Promise<Record<string, number>> {
  const response = await fetch(
    `http://127.0.0.1:${record(dataDir, 'envoy-edge').port}/stats?format=json&filter=${filter}`,
  )
  const { stats } = (await response.json()) as { stats: { name: string; value: number }[] }
  return Object.fromEntries(stats.map(({ name, value }) => [name, value]))
}

describe('kill -9 of weir', () => {
  test('under load no request fails; the next start adopts Envoy and PostgreSQL and sends nothing again', async () => {
    const before = { envoy: record(dataDir, 'envoy-edge'), postgres: record(dataDir, 'postgres') }
    const listeners = await envoyStats('listener_manager')
    // While weir starts, a request may wait for the whole timeout of its question: enough others go meanwhile.
    const load = await startLoad({ port, path: '/', ratePerSecond: 200, connections: 64 })
    const seen = upstream.seen.length
    await arrived(seen + 100)
    await weir.end('SIGKILL')
    // The stated failure mode without a decision is to allow.
    await arrived(upstream.seen.length + 100)
    weir = await start()
    await arrived(upstream.seen.length + 100)
    assert.deepEqual((await load.stop()).failures, [])

    assert.deepEqual(record(dataDir, 'envoy-edge'), before.envoy)
    assert.deepEqual(record(dataDir, 'postgres'), before.postgres)
    assert.deepEqual(processesWith(join(dataDir, 'bootstrap', 'envoy-edge.json')), [before.envoy.pid])
    assert.equal(await weir.metric('weir_xds_resources_sent_total'), 0)
    const after = await envoyStats('listener_manager')
    for (const name of ['listener_manager.listener_modified', 'listener_manager.total_listeners_draining']) {
      assert.equal(after[name], listeners[name], name)
    }
    const { body } = await weir.api('GET', '/v1/fleet')
    assert.deepEqual(
      body.items.map(({ id, state }: { id: string; state: string }) => ({ id, state })),
      [{ id: 'edge-local', state: 'connected' }],
    )
  })

  test(`${kills} times during writes: after each start the state is a committed revision, and Envoy has just that`, async () => {
    const random = generator(42)
    let written = 0
    for (let kill = 0; kill < kills; kill++) {
      let acknowledged = -1
      let killed = false
      const writer = (async () => {
        while (!killed) {
          const number = ++written
          const answer = await weir.api('POST', '/v1/apply', change(number)).catch(() => undefined)
          if (answer?.status === 200) acknowledged = number
        }
      })()
      await until(() => acknowledged >= 0)
      await new Promise((resolve) => setTimeout(resolve, random() * 200))
      await weir.end('SIGKILL')
      killed = true
      await writer
      weir = await start()

      const documents = await exported()
      const number = numberIn(documents)
      // The one write that was under way may have been committed or not; one that was answered has been.
      assert.ok(number === acknowledged || number === acknowledged + 1, `${number} after ${acknowledged}`)
      assert.deepEqual(
        documents.filter(({ name }) => /^r\d/.test(name)).map(({ name }) => name),
        routesOf(number),
      )
      await settled()
      const dump = await fetch(
        `http://127.0.0.1:${record(dataDir, 'envoy-edge').port}/config_dump?include_eds`,
      )
      assert.deepEqual(dumpedInForce((await dump.json()) as never), expected(documents))
    }
  })
})

/** A write of several objects that only makes sense as a whole: the cluster's second port counts the routes. */
function change(number: number): object[] {
  const endpoints = [
    { address: '127.0.0.1', port: upstream.port },
    { address: '127.0.0.2', port: 1 + (number % 60_000) },
  ]
  return [
    { kind: 'Cluster', name: 'counted', spec: { endpoints } },
    ...routesOf(number).map((name) => ({
      kind: 'Route',
      name,
      spec: {
        gateways: ['edge'],
        match: { path: { prefix: `/${name}` } },
        forward: [{ cluster: 'counted' }],
      },
    })),
  ]
}

const routesOf = (number: number) => Array.from({ length: Math.min(number, 9) }, (_, index) => `r${index}`)

function numberIn(documents: Document[]): number {
  const spec = documents.find(({ name }) => name === 'counted')!.spec as { endpoints: { port: number }[] }
  return spec.endpoints[1]!.port - 1
}

async function exported(): Promise<Document[]> {
  const { body } = await weir.api('GET', '/v1/export')
  return parseAllDocuments(body).map((document) => ({ labels: {}, owner: '', ...document.toJS() }))
}

function expected(documents: Document[]) {
  const replacements = documents.map((document) => ({
    kind: document.kind,
    name: document.name,
    object: { document, revision: 1 },
  }))
  const rls = Number(environment.WEIR_RLS_ADDR!.split(':')[1])
  const live = testLive({ services: { ratelimit: [{ host: '127.0.0.1', port: rls }] } })
  return expectedInForce(compile(replace(emptyState, 1, replacements), 'edge', live))
}

/** Waits, by a write that changes nothing, until the Envoy has what is stored. */
async function settled(): Promise<void> {
  const answer = await weir.api('POST', '/v1/apply?wait=acked&timeout=20s', await exported())
  assert.equal(answer.body.delivery?.state, 'acked', JSON.stringify(answer.body))
}

async function arrived(count: number): Promise<void> {
  await until(() => upstream.seen.length >= count)
}

async function until(look: () => boolean): Promise<void> {
  while (!look()) await new Promise((resolve) => setImmediate(resolve))
}

/** A small seeded generator, so that a failing run can be repeated. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
