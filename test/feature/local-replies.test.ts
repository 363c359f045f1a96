import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import type { Received, Sent } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { rawExchange } from '../support/raw.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstream: Upstream

before(async () => {
  upstream = await startUpstream('a', (response, { url }) => {
    if (url === '/silent') return
    response.writeHead(Number(url!.slice(1)), { 'content-type': 'text/html' }).end('<p>of the service</p>')
  })
  edge = await startEdge({ maxRequestBytes: '10B' })
  await edge.apply(
    cluster('a', upstream),
    cluster('gone', { port: await freePort() }),
    cluster('empty', []),
    route('service', { path: { regex: '/[0-9]+' } }),
    route('silent', { path: { exact: '/silent' } }, { timeout: '100ms' }),
    route('gone', '/gone', { forward: [{ cluster: 'gone' }] }),
    route('empty', '/empty', { forward: [{ cluster: 'empty' }] }),
    route('no-socket', '/no-socket', { upgrades: [] }),
    route('own-404', '/own-404', { respond: { status: 404, body: 'nothing of ours' } }),
    route('own-503', '/own-503', {
      respond: { status: 503, body: '{"own":true}', headers: { 'content-type': 'application/json' } },
    }),
    route('own-500', '/own-500', { respond: { status: 500 } }),
    route('moved', '/moved', { redirect: { path: '/200' } }),
  )
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
})

function assertProblem({ status, headers, body }: Received, expected: number, title: string): void {
  assert.deepEqual([status, headers['content-type']], [expected, 'application/problem+json'])
  const problem = JSON.parse(body)
  assert.deepEqual(Object.keys(problem).sort(), ['detail', 'requestId', 'status', 'title', 'type'])
  assert.deepEqual([problem.type, problem.title, problem.status], ['about:blank', title, expected])
  assert.match(problem.detail, /^[A-Z].*\.$/)
  assert.equal(problem.requestId, headers['x-request-id'] ?? null)
}

describe('what Envoy answers itself is a problem document', () => {
  const websocket = { connection: 'upgrade', upgrade: 'websocket' }
  const cases: [title: string, sent: string | Sent, status: number, phrase: string][] = [
    ['no route', '/nowhere', 404, 'Not Found'],
    ['a cluster without endpoints', '/empty', 503, 'Service Unavailable'],
    ['an endpoint that refuses connections', '/gone', 503, 'Service Unavailable'],
    ['an upstream that is too slow', '/silent', 504, 'Gateway Timeout'],
    ['a large body', { path: '/200', method: 'POST', body: Buffer.alloc(11) }, 413, 'Content Too Large'],
    ['an upgrade that is not wanted', { path: '/no-socket', headers: websocket }, 403, 'Forbidden'],
    ['an underscore', { path: '/200', headers: { a_b: '1' } }, 400, 'Bad Request'],
    ...(
      [
        ['large headers', { path: '/200', headers: { big: 'x'.repeat(70_000) } }],
        ['many headers', { path: '/200', headers: Array.from({ length: 202 }, (_, i) => `x${i - (i % 2)}`) }],
        ['a long URL', { path: `/${'x'.repeat(70_000)}` }],
      ] as const
    ).map(
      ([title, sent]) => [title, sent as Sent, 431, 'Request Header Fields Too Large'] as (typeof cases)[0],
    ),
  ]
  for (const [title, sent, status, phrase] of cases) {
    test(title, async () => assertProblem(await edge.send(sent), status, phrase))
  }

  test('with the id that is in the answer’s header', async () => {
    const { headers, body } = await edge.send({
      path: '/nowhere',
      headers: { 'x-request-id': 'of-a-client' },
    })
    const { requestId } = JSON.parse(body)
    assert.match(requestId, /^[0-9a-f-]{36}$/)
    assert.equal(headers['x-request-id'], requestId)
  })

  test('which tells nothing of what is behind', async () => {
    for (const path of ['/gone', '/empty', '/silent']) {
      assert.doesNotMatch((await edge.send(path)).body, /upstream|connection|healthy|127\.0/)
    }
  })

  test('a HEAD gets its headers alone', async () => {
    const { status, headers, body } = await edge.send({ path: '/nowhere', method: 'HEAD' })
    assert.deepEqual([status, headers['content-type'], body], [404, 'application/problem+json', ''])
  })

  test('what is no HTTP is a 400', async () => {
    assert.match(
      await rawExchange(edge.port, 'GET / HTTP/1.1\r\nhost: a\r\nno colon\r\n\r\n'),
      /^HTTP\/1.1 400 /,
    )
  })
})

test('a host that can be read in several ways is a 400 with the body of a problem', async () => {
  const answer = await rawExchange(edge.port, 'GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n')
  assert.match(answer, /^HTTP\/1.1 400 .*application\/problem\+json.*"status":400/s)
})

describe('what is not Envoy’s stays', () => {
  for (const status of [400, 404, 429, 500, 503]) {
    test(`a ${status} of the service`, async () => {
      const { headers, body, ...received } = await edge.send(`/${status}`)
      assert.deepEqual(
        [received.status, headers['content-type'], body],
        [status, 'text/html', '<p>of the service</p>'],
      )
    })
  }

  test('the answer of a route', async () => {
    const plain = await edge.send('/own-404')
    assert.deepEqual(
      [plain.status, plain.headers['content-type'], plain.body],
      [404, 'text/plain', 'nothing of ours'],
    )
    const typed = await edge.send('/own-503')
    assert.deepEqual(
      [typed.status, typed.headers['content-type'], typed.body],
      [503, 'application/json', '{"own":true}'],
    )
    const bare = await edge.send('/own-500')
    assert.deepEqual([bare.status, bare.headers['content-type'], bare.body], [500, undefined, ''])
  })

  test('a redirect, of a route or to the plain form of a path', async () => {
    const moved = await edge.send('/moved')
    assert.deepEqual([moved.status, moved.body], [301, ''])
    const plain = await edge.send('/a%2fb')
    assert.deepEqual([plain.status, plain.headers.location, plain.body], [307, '/a/b', ''])
  })

  for (const [path, code] of [
    ['/nowhere', '12'],
    ['/empty', '14'],
  ] as const) {
    test(`the status of a gRPC client: ${path}`, async () => {
      const headers = { 'content-type': 'application/grpc+proto', te: 'trailers' }
      const { status, headers: answered, body } = await edge.send({ path, method: 'POST', headers })
      assert.deepEqual(
        [status, answered['content-type'], answered['grpc-status'], body],
        [...[200, 'application/grpc', code, '']],
      )
      assert.doesNotMatch(String(answered['grpc-message'] ?? ''), /about:blank/)
    })
  }
})
