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
    ...refusing('worded', { body: 'later' }),
    policy('once', { limit: 1, window: '1h' }),
    route('once', '/once', { rateLimits: ['once'] }),
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
  test('without a word of its policy a 429 with the body of a problem', async () => {
    const { status, body, headers } = await edge.send('/bare')
    assert.deepEqual([status, headers['content-type']], [429, 'application/problem+json'])
    assert.deepEqual(JSON.parse(body), {
      type: 'about:blank',
      title: 'Too Many Requests',
      status: 429,
      detail: 'A limit on requests is reached.',
      requestId: headers['x-request-id'],
    })
    assert.equal(headers['x-envoy-ratelimited'], 'true')
  })

  test('with a body and no status a 429 with that body', async () => {
    const { status, body, headers } = await edge.send('/worded')
    assert.deepEqual([status, body, headers['content-type']], [429, 'later', 'text/plain'])
  })

  test('its Retry-After and RateLimit beside the problem', async () => {
    await edge.send('/once')
    const { status, headers } = await edge.send('/once')
    assert.deepEqual([status, headers['content-type']], [429, 'application/problem+json'])
    assert.match(String(headers['retry-after']), /^[1-9][0-9]*$/)
    assert.match(String(headers.ratelimit), /^"once";r=0;t=[0-9]+$/)
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
    test(`the status ${status}, with a problem of it where there is no body`, async () => {
      const { status: got, body, headers } = await edge.send(`/status-${status}`)
      assert.deepEqual([got, headers['content-type']], [status, 'application/problem+json'])
      const title = status === 400 ? 'Bad Request' : 'Internal Server Error'
      assert.deepEqual(JSON.parse(body), {
        ...{ type: 'about:blank', title, status, detail: 'A limit on requests is reached.' },
        requestId: headers['x-request-id'],
      })
    })
  }

  test('of several policies the answer of the first that refuses', async () => {
    const { status, body } = await edge.send('/several')
    assert.deepEqual([status, JSON.parse(body).policy], [503, 'busy'])
  })

  for (const name of ['bare', 'busy', 'early', 'status-400']) {
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
      assert.doesNotMatch(String(headers['grpc-message'] ?? ''), /about:blank/)
    })
  }

  test('the upstream saw what was admitted, and other answers of Envoy are what they were', async () => {
    assert.deepEqual(
      upstream.seen.map(({ url }) => url),
      ['/once'],
    )
    assert.equal((await edge.send('/nowhere')).status, 404)
  })

  test('every decision was made by the service', () => assertDecided(edge.envoy))
})
