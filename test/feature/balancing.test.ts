import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { counts, type QuickUpstream, sendMany, startQuickUpstream } from '../support/many-requests.ts'

const requests = 10_000

let edge: Edge
let upstreams: QuickUpstream[]

before(async () => {
  const names = Array.from({ length: 10 }, (_, index) => `u${index}`)
  ;[edge, upstreams] = await Promise.all([
    startEdge(),
    Promise.all(names.map((name) => startQuickUpstream(name))),
  ])
})

after(async () => {
  await edge?.stop()
  await Promise.all((upstreams ?? []).map((upstream) => upstream.close()))
})

/** Makes it a cluster with a route, and tells how often each upstream was asked. */
async function shares(
  name: string,
  document: object,
  options: { count?: number; parallel?: number } = {},
): Promise<Record<string, number>> {
  const to = route(name, `/${name}`, { forward: [{ cluster: name }] })
  await edge.apply(document, to)
  return counts(await sendMany(edge.port, { count: requests, path: `/${name}`, ...options }))
}

function withSpec(name: string, endpoints: object[], more: object = {}): object {
  const all = endpoints.map((each) => ({ address: '127.0.0.1', ...each }))
  return { kind: 'Cluster', name, spec: { endpoints: all, ...more } }
}

describe('requests are spread', () => {
  test('round_robin: within 1% of equal shares', async (context) => {
    const found = await shares('even', cluster('even', upstreams.slice(0, 4)))
    context.diagnostic(JSON.stringify(found))
    assert.equal(Object.keys(found).length, 4)
    for (const count of Object.values(found)) assert.ok(Math.abs(count - requests / 4) <= requests / 4 / 100)
  })

  test('by weights: 80 and 20 within 2 points', async (context) => {
    const [a, b] = upstreams
    const endpoints = [
      { port: a!.port, weight: 80 },
      { port: b!.port, weight: 20 },
    ]
    const found = await shares('weighted', withSpec('weighted', endpoints))
    context.diagnostic(JSON.stringify(found))
    assert.ok(Math.abs(found.u0! / requests - 0.8) <= 0.02)
    assert.ok(Math.abs(found.u1! / requests - 0.2) <= 0.02)
  })

  test('by weights whatever their localities', async () => {
    const places = [{ zone: 'a' }, { zone: 'b' }, { zone: 'b' }]
    const endpoints = [1, 1, 2].map((weight, index) => {
      return { port: upstreams[index]!.port, weight, locality: places[index] }
    })
    const found = await shares('zones', withSpec('zones', endpoints), { count: 400 })
    assert.deepEqual(
      ['u0', 'u1', 'u2'].map((name) => Math.round(found[name]! / 10)),
      [10, 10, 20],
    )
  })

  test('random: equal shares by chi-square', async (context) => {
    const found = await shares(
      'random',
      cluster('random', upstreams, { loadBalancing: { policy: 'random' } }),
    )
    const expected = requests / upstreams.length
    const distance = upstreams
      .map((_, index) => ((found[`u${index}`] ?? 0) - expected) ** 2 / expected)
      .reduce((sum, each) => sum + each)
    context.diagnostic(`chi-square ${distance.toFixed(2)} ${JSON.stringify(found)}`)
    // 9 degrees of freedom: a fair draw is above it once in 10 million times.
    assert.ok(distance < 50.05)
    assert.ok(distance > 0.1, 'round robin would be 0')
  })
})
