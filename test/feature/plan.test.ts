import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { cluster, route } from '../support/edge.ts'
import { send } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { weir as run } from '../support/run-weir.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startWeir, type Weir } from '../support/weir.ts'

let database: FreshDatabase
let weir: Weir
let upstream: Upstream
let port: number

const gateway = (...listeners: object[]) => ({ kind: 'Gateway', name: 'edge', spec: { listeners } })
const http = (more: object = {}) => ({ name: 'http', port, protocol: 'http', ...more })
const listener = () => `edge/http@127.0.0.1:${port}`

before(async () => {
  ;[database, port, upstream] = await Promise.all([freshDatabase(), freePort(), startUpstream('a')])
  weir = await startWeir({ command: 'up', environment: { DATABASE_URL: database.url, WEIR_CONFIG: '' } })
  await weir.apply(gateway(http()), cluster('a', upstream), route('all', '/'))
  await until('the listener accepts', async () => {
    return (await send(port, { path: '/' }).catch(() => undefined))?.status === 200
  })
})

after(async () => {
  await weir?.end()
  await database?.drop()
  await upstream?.close()
})

/** Counters of the Envoy's listener manager. */
async function drained(): Promise<Record<string, number>> {
  const { port: admin } = JSON.parse(readFileSync(join(weir.dataDir, 'run', 'envoy-edge.json'), 'utf8'))
  const names = [
    ...['listener_modified', 'listener_removed', 'listener_in_place_updated'],
    ...['total_listeners_draining', 'total_filter_chains_draining'],
  ]
  const text = await (await fetch(`http://127.0.0.1:${admin}/stats?filter=^listener_manager`)).text()
  return Object.fromEntries(
    names.map((name) => [name, Number(new RegExp(`\\.${name}: (\\d+)`).exec(text)?.[1])]),
  )
}

/** Connections that stay open, each of which has carried a request. */
async function connections(count: number): Promise<{ closed: () => number; end: () => void }> {
  const agent = new Agent({ keepAlive: true, maxSockets: count, maxFreeSockets: count })
  let closed = 0
  agent.on('free', (socket) => {
    if (socket.listenerCount('close', onClose) === 0) socket.on('close', onClose)
  })
  function onClose() {
    closed++
  }
  await Promise.all(Array.from({ length: count }, () => send(port, { path: '/' }, agent)))
  return { closed: () => closed, end: () => agent.destroy() }
}

const rehearse = async (documents: object[], more = '') =>
  (await weir.api('POST', `/v1/apply?dryRun=true${more}`, documents)).body

test('routes, clusters and endpoints: the plan drains nothing, and nothing drains', async () => {
  const open = await connections(3)
  const before = await drained()
  const documents = [
    cluster('a', upstream, { connectTimeout: '2s' }),
    cluster('b', upstream),
    route('all', '/', { headers: { response: { set: { 'x-seen': '1' } } } }),
    route('b', '/b', { forward: [{ cluster: 'b' }] }),
  ]
  const { plan, gateways } = await rehearse(documents)
  assert.deepEqual(gateways[0].drains, [])
  const names = (step: { resources: { type: string; name: string }[] }) =>
    step.resources.map(({ type, name }) => `${type} ${name}`)
  assert.deepEqual(
    plan.map((each: { gateway: string; steps: never[]; drains: object[] }) => ({
      ...each,
      steps: each.steps.map((step: { does: string; resources: [] }) => [step.does, ...names(step)]),
    })),
    [
      {
        gateway: 'edge',
        steps: [
          ['send', 'cluster b', 'cluster a', 'endpoints b'],
          ['swap', 'route edge/http'],
        ],
        drains: [],
      },
    ],
  )
  await weir.apply(...documents)
  assert.equal((await send(port, { path: '/b' })).status, 200)
  assert.deepEqual(await drained(), before)
  assert.equal(open.closed(), 0)
  open.end()
})

test('a listener’s own fields: the plan says how and how many, and so many are cut', async () => {
  const open = await connections(3)
  const before = await drained()
  const changed = gateway(http({ maxConnections: 100 }))
  await until('Envoy counts them', async () => {
    const { plan } = await rehearse([changed])
    return plan[0].drains[0]?.connections === 3
  })
  const { plan, gateways } = await rehearse([changed])
  assert.deepEqual(gateways[0].drains, [listener()])
  assert.deepEqual(plan[0].drains, [
    { listener: listener(), how: 'filter_chains', connections: 3, asked: 1, envoys: 1 },
  ])
  const environment = { WEIR_URL: weir.url, WEIR_ADMIN_TOKEN: weir.token }
  const { stdout, code } = await run(['diff', '-f', '-'], { environment, stdin: JSON.stringify(changed) })
  assert.equal(code, 3)
  const told = `drains     listener ${listener()} of edge: its filter chains are replaced, 3 open connections may be cut`
  assert.ok(stdout.split('\n').includes(told), stdout)
  assert.match(stdout, /^changed {4}listener \S+ in the Envoys of edge, step 1$/m)

  await weir.apply(changed)
  // Envoy gives them its drain time.
  const now = await drained()
  assert.equal(now.total_filter_chains_draining, before.total_filter_chains_draining! + 1)
  assert.equal(now.total_listeners_draining, 0)
  assert.equal(now.listener_in_place_updated, before.listener_in_place_updated! + 1)
  assert.equal(now.listener_removed, before.listener_removed)
  open.end()
})

test('a listener that goes: the plan says so, and it is removed', async () => {
  const extra = { name: 'extra', port: await freePort(), protocol: 'http' }
  await weir.apply(gateway(http(), extra))
  const before = await drained()
  const { plan } = await rehearse([gateway(http())])
  const name = `edge/extra@127.0.0.1:${extra.port}`
  assert.deepEqual(plan[0].drains, [{ listener: name, how: 'removed', connections: 0, asked: 1, envoys: 1 }])
  await weir.apply(gateway(http()))
  assert.equal((await drained()).listener_removed, before.listener_removed! + 1)
})

interface Left {
  is: string
}

test('drift: none where all is in force; what is refused is named by both sources, and in the fleet view', async () => {
  const drift = async () => (await weir.api('GET', '/v1/fleet/edge-local/drift')).body
  const clean = await drift()
  // Of the listener that was removed above, which has not drained yet.
  const routes = clean.configDump.deviations.map((each: object) => ({ ...each, actual: undefined }))
  assert.deepEqual(routes, [
    { type: 'route', name: 'edge/extra', is: 'leftover', expected: null, actual: undefined },
  ])
  assert.deepEqual([clean.gateway, clean.id, clean.xds.length], ['edge', 'edge-local', 1])
  assert.deepEqual(clean.xds[0].deviations, [])
  const environment = { WEIR_URL: weir.url, WEIR_ADMIN_TOKEN: weir.token }
  const calm = await run(['fleet', 'drift', 'edge-local'], { environment })
  assert.deepEqual([calm.code, calm.stderr], [0, ''])
  assert.match(calm.stdout, /^config_dump +route +edge\/extra +leftover /m)

  const taken = createServer()
  const at = await new Promise<number>((resolve) =>
    taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port)),
  )
  const refused = { name: 'taken', port: at, protocol: 'http' }
  const { body } = await weir.api('POST', '/v1/apply?wait=acked&timeout=30s', gateway(http(), refused))
  assert.equal(body.delivery.state, 'nacked')
  const name = `edge/taken@127.0.0.1:${at}`
  const { xds, configDump } = await drift()
  const of = (deviations: { type: string; name: string; is: string; because?: string }[]) =>
    deviations.map(({ type, name, is, because }) => [type, name, is, because])
  assert.ok(
    of(xds[0].deviations).some((each) => each.join() === `listener,${name},missing,refused`),
    JSON.stringify(xds),
  )
  assert.ok(of(configDump.deviations).some((each) => each[1] === name && each[2] === 'missing'))
  const { items } = (await weir.api('GET', '/v1/fleet')).body
  assert.ok(items[0].drift >= 1)
  const shown = await run(['fleet'], { environment })
  assert.match(
    shown.stdout,
    /^edge\/edge-local has \d resources? otherwise than it should: weir fleet drift edge-local$/m,
  )
  const listed = await run(['fleet', 'drift', 'edge-local', '-o', 'json'], { environment })
  assert.deepEqual(JSON.parse(listed.stdout).id, 'edge-local')

  taken.close()
  await weir.apply(gateway(http()))
  await until('all is in force again', async () => {
    const { xds, configDump } = await drift()
    // What was left over may have drained by now.
    return (
      xds[0].deviations.length === 0 && configDump.deviations.every((each: Left) => each.is === 'leftover')
    )
  })
  assert.equal((await weir.api('GET', '/v1/fleet/nobody/drift')).status, 404)
})
