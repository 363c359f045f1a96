import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { cluster, gateway, route } from '../support/edge.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { send } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startWeir, type Weir } from '../support/weir.ts'

let database: FreshDatabase
let weir: Weir
let envoy: TestEnvoy
let upstream: Upstream
let port: number
let environment: Record<string, string>
let dataDir: string

before(async () => {
  ;[database, port, upstream] = await Promise.all([freshDatabase(), freePort(), startUpstream('a')])
  dataDir = mkdtempSync(join(tmpdir(), 'weir-kept-'))
  environment = { DATABASE_URL: database.url, WEIR_XDS_ADDR: `127.0.0.1:${await freePort()}` }
  weir = await startWeir({ dataDir, environment })
  await weir.apply(gateway(port, {}), cluster('a', upstream), route('all', '/'))
  envoy = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort })
  await until('it answers', async () => (await status()) === 200)
})

after(async () => {
  await envoy?.stop()
  await weir?.end()
  rmSync(dataDir, { recursive: true, force: true })
  await upstream?.close()
  await database?.drop()
})

const status = async () => (await send(port, { path: '/' }).catch(() => undefined))?.status
const served = async () => {
  const { body } = await weir.api('GET', `/v1/fleet/${envoy.id}/config?type=endpoints`)
  const [only] = body.resources as { resource: { endpoints?: { lb_endpoints: object[] }[] } }[]
  return only!.resource.endpoints?.flatMap(({ lb_endpoints }) => lb_endpoints).length ?? 0
}

test('without a grace, requests to an emptied cluster are answered with 503 at once', async () => {
  await weir.apply(cluster('a', []))
  await until('nobody is left', async () => (await status()) === 503)
  await weir.apply(cluster('a', upstream))
  await until('it is back', async () => (await status()) === 200)
})

test('with one, the last endpoints stay: the plan says so, the write warns, a weir that starts keeps them, too', async () => {
  const grace = { emptyEndpointsGrace: '1h' }
  await weir.apply(cluster('a', upstream, grace))
  const empty = cluster('a', [], grace)
  const { body: dry } = await weir.api('POST', '/v1/apply?dryRun=true', empty)
  assert.deepEqual(dry.gateways, [])
  const { body } = await weir.apply(empty)
  assert.deepEqual(
    body.warnings.map(({ pointer, effect }: Record<string, string>) => [pointer, /for 1h/.test(effect!)]),
    [['/spec/endpoints', true]],
  )
  assert.deepEqual([await served(), await status()], [1, 200])

  await weir.end('SIGKILL')
  weir = await startWeir({ dataDir, environment })
  await until(
    'Envoy is back',
    async () => (await weir.api('GET', '/v1/fleet')).body.items[0]?.state === 'connected',
  )
  assert.deepEqual([await served(), await status()], [1, 200])
  // Another field of it changes nothing of that.
  await weir.apply(cluster('a', [], { ...grace, connectTimeout: '2s' }))
  assert.deepEqual([await served(), await status()], [1, 200])

  await weir.apply(cluster('a', [], { emptyEndpointsGrace: '0s' }))
  await until('they are let go', async () => (await status()) === 503)
})

test('when the grace is over they go, without another revision', async () => {
  const grace = { emptyEndpointsGrace: '2s' }
  await weir.apply(cluster('a', upstream, grace))
  await until('it is back', async () => (await status()) === 200)
  const { body } = await weir.apply(cluster('a', [], grace))
  await until('the time is over', async () => (await status()) === 503)
  assert.equal(await served(), 0)
  const { items } = (await weir.api('GET', '/v1/revisions?limit=1')).body
  assert.equal(items[0].revision, body.revision)
  const told = (event: string) =>
    weir
      .output()
      .split('\n')
      .filter((line) => line.includes(`"msg":"${event}"`))
  assert.ok(
    told('endpoints_kept').length >= 1 && told('endpoints_let_go').length >= 1,
    weir.output().slice(-2_000),
  )
})

test('what was deleted and written anew keeps nothing', async () => {
  const grace = { emptyEndpointsGrace: '1h' }
  await weir.apply(cluster('a', upstream, grace))
  await until('it is back', async () => (await status()) === 200)
  const answered = route('all', '/', { respond: { status: 204 } })
  await weir.apply(answered)
  assert.equal((await weir.api('DELETE', '/v1/clusters/a')).status, 200)
  await weir.apply(cluster('a', [], grace), route('all', '/'))
  await until('nobody is there', async () => (await status()) === 503)
})
