import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { assertDecided, patient, policy } from '../support/rate-limits.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstream: Upstream

/** No request is ever admitted. */
const refusing = (name: string, response: object, more: object = {}) => [
  policy(name, { limit: 0, ...more, response }),
  route(name, `/${name}`, { rateLimits: [name] }),
]

const json = '{"policy":"{policy}","limit":{limit},"left":{remaining},"wait":"{retryAfter}","{what}":1}'

before(async () => {
  upstream = await startUpstream('a')
  edge = await startEdge(patient)
  await edge.apply(
    cluster('a', upstream),
    policy('bare', { limit: 0 }),
    route('bare', '/bare', { rateLimits: ['bare'] }),
    ...refusing('busy', {
      ...{
        status: 503,
        headers: { 'content-type': 'application/json', 'x-why': '{policy} is over {limit}' },
      },
      body: json,
    }),
    ...refusing('early', { status: 418, body: 'a teapot' }, { stage: 'before_auth' }),
    ...[400, 599].flatMap((status) => refusing(`status-${status}`, { status })),
    policy('admits', { limit: 9, response: { status: 500 } }),
    route('several', '/several', { rateLimits: ['admits', 'busy', 'status-400'] }),
  )
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
})

describe('what a refused client gets', () => {
  test('without a word of its policy a bare 429', async () => {
    const { status, body, headers } = await edge.send('/bare')
    assert.deepEqual([status, body, headers['content-type']], [429, '', undefined])
    assert.equal(headers['x-envoy-ratelimited'], 'true')
  })

  test('its own status, headers and body, with what the placeholders stand for', async () => {
    const { status, body, headers } = await edge.send('/busy')
    assert.equal(status, 503)
    assert.equal(headers['content-type'], 'application/json')
    assert.equal(headers['x-why'], 'busy is over 0')
    assert.deepEqual(JSON.parse(body), { policy: 'busy', limit: 0, left: 0, wait: '', '{what}': 1 })
    assert.equal(headers['content-length'], String(Buffer.byteLength(body)))
  })

  test('the same before authentication, as text unless a header says otherwise', async () => {
    const { status, body, headers } = await edge.send('/early')
    assert.deepEqual([status, body, headers['content-type']], [418, 'a teapot', 'text/plain'])
  })

  for (const status of [400, 599]) {
    test(`the status ${status}`, async () =>
      assert.equal((await edge.send(`/status-${status}`)).status, status))
  }

  test('of several policies the answer of the first that refuses', async () => {
    const { status, body } = await edge.send('/several')
    assert.deepEqual([status, JSON.parse(body).policy], [503, 'busy'])
  })

  for (const name of ['bare', 'busy', 'early']) {
    test(`a gRPC client of "${name}": RESOURCE_EXHAUSTED, whatever the status`, async () => {
      const { status, headers } = await edge.send({
        ...{
          path: `/${name}`,
          method: 'POST',
          headers: { 'content-type': 'application/grpc', te: 'trailers' },
        },
      })
      assert.deepEqual(
        [status, headers['grpc-status'], headers['content-type']],
        [200, '8', 'application/grpc'],
      )
    })
  }

  test('the upstream saw none of it, and other answers of Envoy are what they were', async () => {
    assert.equal(upstream.seen.length, 0)
    assert.equal((await edge.send('/nowhere')).status, 404)
  })

  test('every decision was made by the service', () => assertDecided(edge.envoy))
})
