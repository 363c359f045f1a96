import assert from 'node:assert/strict'
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { hostsOf } from '../support/hosts.ts'
import { until } from '../support/until.ts'

let edge: Edge
let server: Http2Server
let port: number
let isServing = true
/** What was asked: `:path` and the message of a gRPC check. */
const checks: { path: string; message: Buffer }[] = []
const sessions = new Set<ServerHttp2Session>()

/** grpc.health.v1.HealthCheckResponse: SERVING is 1, NOT_SERVING 2. */
const verdict = () => Buffer.from([0, 0, 0, 0, 2, 8, isServing ? 1 : 2])

before(async () => {
  server = createServer()
  server.on('session', (session) => void sessions.add(session))
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const path = headers[':path']!
      if (path !== '/grpc.health.v1.Health/Check') {
        stream.respond({ ':status': path === '/healthz' && !isServing ? 503 : 200, 'x-upstream': 'h2' })
        return stream.end('h2')
      }
      checks.push({ path, message: Buffer.concat(chunks) })
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(verdict())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
  edge = await startEdge()
})

after(async () => {
  await edge?.stop()
  for (const session of sessions) session.destroy()
  await new Promise((resolve) => server.close(resolve))
})

for (const [name, check] of Object.entries({
  grpc: { type: 'grpc', serviceName: 'shop.v1.Users' },
  http: { type: 'http', path: '/healthz' },
})) {
  test(`protocol http2: requests and ${name} checks are sent as HTTP/2`, async () => {
    isServing = true
    const spec = { protocol: 'http2', healthCheck: { ...check, interval: '100ms' } }
    await edge.apply(cluster(name, { port }, spec), route('all', '/', { forward: [{ cluster: name }] }))
    const { status, body } = await edge.send('/')
    assert.deepEqual([status, body], [200, 'h2'])
    isServing = false
    const isFailing = async () =>
      (await hostsOf(edge.envoy, name)).get(port)!.failed_active_health_check === true
    await until('it is left alone', isFailing)
    assert.equal((await edge.send('/')).status, 503)
    isServing = true
    await until('it is used again', async () => !(await isFailing()))
    assert.equal((await edge.send('/')).status, 200)
  })
}

test('a grpc check asks for the service', () => {
  assert.ok(checks.length > 0)
  assert.ok(checks.every(({ message }) => message.includes('shop.v1.Users')))
})
