import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, gateway, route, startEdge } from '../support/edge.ts'
import { assertDecided, patient, policy } from '../support/rate-limits.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstream: Upstream

before(async () => {
  upstream = await startUpstream('a')
  edge = await startEdge(patient)
  await edge.apply(cluster('a', upstream))
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
})

/** How often Envoy has asked the service. */
async function questions(): Promise<number> {
  const name = 'cluster.weir_ratelimit.upstream_rq_total'
  return (await edge.envoy.stats(name))[name] ?? 0
}

async function statuses(
  count: number,
  path: string,
  headers: Record<string, string> = {},
): Promise<number[]> {
  const found = []
  for (let index = 0; index < count; index++) found.push((await edge.send({ path, headers })).status)
  return found
}

describe('two stages', () => {
  before(() =>
    edge.apply(
      policy('early', { limit: 4, key: [{ header: 'x-key' }], stage: 'before_auth' }),
      policy('late', { limit: 2, key: [{ header: 'x-key' }] }),
      policy('late-too', { limit: 9, key: [{ header: 'x-key' }] }),
      // What is asked first is not what is named first.
      route('staged', '/staged', { rateLimits: ['late', 'early', 'late-too'] }),
      route('single', '/single', { rateLimits: ['late', 'late-too'] }),
    ),
  )

  test('are a question each, and every policy tells what is left', async () => {
    const before = await questions()
    const { headers } = await edge.send({ path: '/staged', headers: { 'x-key': 'a' } })
    assert.equal((await questions()) - before, 2)
    // Answers go through Envoy's filters in reverse.
    assert.equal(
      headers['ratelimit-policy'],
      '"late";q=2;w=31622400, "late-too";q=9;w=31622400, "early";q=4;w=31622400',
    )
    await edge.send({ path: '/single', headers: { 'x-key': 'z' } })
    assert.equal((await questions()) - before, 3)
  })

  test('what the first admitted it has counted, whatever the second says; what it refuses nobody else counts', async () => {
    assert.deepEqual(await statuses(4, '/staged', { 'x-key': 'b' }), [200, 200, 429, 429])
    const before = await questions()
    const { status, headers } = await edge.send({ path: '/staged', headers: { 'x-key': 'b' } })
    assert.equal(status, 429)
    assert.equal(headers['ratelimit-policy'], '"early";q=4;w=31622400')
    assert.equal((await questions()) - before, 1)
    const after = await edge.send({ path: '/single', headers: { 'x-key': 'b' } })
    assert.match(after.headers.ratelimit as string, /"late-too";r=7/)
  })
})

describe('limits of a gateway', () => {
  test('hold for every forwarded request, before those of its route, once; and drain no listener', async () => {
    await edge.apply(
      policy('everybody', { limit: 4 }),
      policy('own', { limit: 9 }),
      route('plain', '/plain'),
      route('own', '/own', { rateLimits: ['own', 'everybody'] }),
      route('answered', '/answered', { respond: { status: 200 } }),
    )
    const listeners = await edge.envoy.stats('listener_manager.listener_modified')
    await edge.apply(gateway(edge.port, { ...patient, rateLimits: ['everybody'] }))
    assert.deepEqual(await edge.envoy.stats('listener_manager.listener_modified'), listeners)
    const { headers } = await edge.send('/own')
    assert.equal(headers['ratelimit-policy'], '"everybody";q=4;w=31622400, "own";q=9;w=31622400')
    assert.match(headers.ratelimit as string, /"everybody";r=3/)
    assert.deepEqual(await statuses(2, '/plain'), [200, 200])
    assert.deepEqual(await statuses(3, '/answered'), [200, 200, 200])
    assert.deepEqual(await statuses(2, '/own'), [200, 429])
    assert.deepEqual(await statuses(1, '/plain'), [429])
    assert.equal((await edge.send('/nowhere')).status, 404)
    await edge.apply(gateway(edge.port, patient))
    assert.deepEqual(await statuses(1, '/plain'), [200])
  })

  test('every decision was made by the service', () => assertDecided(edge.envoy))
})
