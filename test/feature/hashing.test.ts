import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { counts, type QuickUpstream, sendMany, startQuickUpstream } from '../support/many-requests.ts'

const clients = 2_500
const rounds = 4

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

const byClient = [{ on: 'header', name: 'x-client' }]

function hashed(name: string, policy: string, hash: object[], endpoints = upstreams): object[] {
  const document = cluster(name, endpoints, { loadBalancing: { policy, hash } })
  return [document, route(name, `/${name}`, { forward: [{ cluster: name }] })]
}

/** Sends each client's requests, interleaved; answers with the upstreams of each round. */
async function ask(name: string, count: number): Promise<string[][]> {
  const headers = (index: number) => ({ 'x-client': `client-${index % clients}` })
  const all = await sendMany(edge.port, { count: count * clients, path: `/${name}`, headers })
  return Array.from({ length: count }, (_, round) => all.slice(round * clients, (round + 1) * clients))
}

/** The share of the other endpoints' clients that stay where they are when the last of the ten goes, in percent. */
async function staying(name: string, policy: string): Promise<{ percent: number; largest: number }> {
  await edge.apply(...hashed(name, policy, byClient))
  const [first, ...others] = await ask(name, rounds)
  for (const round of others) assert.deepEqual(round, first, 'each client keeps its endpoint')
  const before = counts(first!)
  assert.equal(Object.keys(before).length, 10)

  await edge.apply(...hashed(name, policy, byClient, upstreams.slice(0, 9)))
  const [second] = await ask(name, 1)
  assert.equal(counts(second!).u9, undefined)
  const stayed = first!.filter((upstream, client) => upstream !== 'u9' && second![client] === upstream)
  const percent = (100 * stayed.length) / (clients - before.u9!)
  return { percent, largest: Math.max(...Object.values(before)) / (clients / 10) }
}

describe('a client keeps its endpoint', () => {
  test('ring_hash: and when one of ten goes, more than 88% of the others’ do', async (context) => {
    const { percent, largest } = await staying('ring', 'ring_hash')
    context.diagnostic(
      `${percent.toFixed(2)}% stayed; the largest share is ${largest.toFixed(2)} times the mean`,
    )
    assert.ok(percent > 88 && percent < 100)
  })

  test('maglev: and when one of ten goes, more than 98% of the others’ do', async (context) => {
    const { percent, largest } = await staying('table', 'maglev')
    context.diagnostic(
      `${percent.toFixed(2)}% stayed; the largest share is ${largest.toFixed(2)} times the mean`,
    )
    assert.ok(percent > 98)
  })

  for (const policy of ['ring_hash', 'maglev']) {
    test(`${policy}: by the address that it comes from`, async () => {
      const name = `by-ip-${policy.replace('_', '-')}`
      await edge.apply(...hashed(name, policy, [{ on: 'client_ip' }]))
      const addresses = Array.from({ length: 40 }, (_, index) => `127.0.0.${index + 2}`)
      const found = await Promise.all(
        addresses.map((from) => sendMany(edge.port, { count: 5, parallel: 1, path: `/${name}`, from })),
      )
      for (const upstreams of found) assert.equal(new Set(upstreams).size, 1)
      assert.ok(new Set(found.flat()).size >= 5, 'different addresses have different endpoints')
    })
  }

  test('by a query parameter', async () => {
    await edge.apply(...hashed('by-query', 'maglev', [{ on: 'query', name: 'basket' }]))
    const upstreamOf = async (path: string) => (await edge.send(path)).upstream
    const baskets = Array.from({ length: 40 }, (_, index) => `/by-query?x=${index}&basket=${index % 20}`)
    const found = await Promise.all(baskets.map(upstreamOf))
    assert.deepEqual(found.slice(0, 20), found.slice(20))
    assert.ok(new Set(found).size >= 5)
  })

  test('by a cookie, which Envoy gives to a client that has none', async () => {
    await edge.apply(...hashed('by-cookie', 'ring_hash', [{ on: 'cookie', name: 'basket', ttl: '1h' }]))
    for (let client = 0; client < 10; client++) {
      const first = await edge.send('/by-cookie/deep/in/the/shop')
      const [cookie] = first.headers['set-cookie'] ?? []
      assert.match(cookie!, /^basket="[0-9a-f]+"; Max-Age=3600; Path=\/; HttpOnly$/)
      const headers = { cookie: cookie!.split(';')[0]! }
      const later = await Promise.all(
        [1, 2, 3].map((path) => edge.send({ path: `/by-cookie/${path}`, headers })),
      )
      for (const { upstream, headers: given } of later) {
        assert.equal(upstream, first.upstream)
        assert.equal(given['set-cookie'], undefined)
      }
    }
  })
})
