import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttp2Server, createSecureServer, type ServerHttp2Session } from 'node:http2'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { selfSigned } from '../certificate.ts'
import { freePort } from '../ports.ts'
import { until } from '../until.ts'
import { startLoad } from './load.ts'
import { slowAnswer, slowBytes, slowDownload } from './slow-download.ts'

async function listening(t: TestContext, server: TcpServer): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    server.close()
    ;(server as Server).closeAllConnections?.()
  })
  return (server.address() as AddressInfo).port
}

/** Counts what arrives, and says when there was much of it. */
function counting(answer: RequestListener = (_, response) => response.end('ok')) {
  const seen = { requests: 0, connections: new Set<unknown>(), versions: {} as Record<string, number> }
  const listener: RequestListener = (request, response) => {
    seen.requests++
    seen.connections.add(request.socket)
    seen.versions[request.httpVersion] = (seen.versions[request.httpVersion] ?? 0) + 1
    answer(request, response)
  }
  return { seen, listener, many: (count: number) => until('requests', () => seen.requests >= count) }
}

describe('the load client', () => {
  test('sends all kinds at its rate, whatever this thread does meanwhile', async (t) => {
    const first = selfSigned('a.example')
    const second = selfSigned('b.example')
    const { seen, listener, many } = counting()
    const tls = { key: first.privateKey, cert: first.certificate, allowHTTP1: true }
    const server = createSecureServer(tls, listener as never)
    const port = await listening(t, server)
    const kinds = { keptAlive: 2, http2: 1, newConnection: 1 }
    const load = await startLoad({
      ...{ port, path: '/', tls: true, servername: 'a.example', ratePerSecond: 200 },
      ...{ kinds, connections: 4, sessions: 2 },
    })
    await many(100)
    const [before, after] = [first, second].map((each) => new X509Certificate(each.certificate).serialNumber)
    server.setSecureContext({ key: second.privateKey, cert: second.certificate })
    await until('the second certificate is shown', () => load.certificates.has(after!))
    await many(200)
    const result = await load.stop()
    assert.deepEqual(result.failures, [])
    assert.equal(result.sent, seen.requests)
    assert.deepEqual(result.statuses, { 200: result.sent })
    assert.equal(result.sent, Math.floor(result.seconds * 200))
    const { keptAlive, http2, newConnection } = result.sentBy
    assert.ok(Math.abs(keptAlive! - 2 * http2!) <= 2 && Math.abs(http2! - newConnection!) <= 1)
    assert.deepEqual(seen.versions, { '1.1': keptAlive! + newConnection!, '2.0': http2 })
    assert.deepEqual(result.connections, { keptAlive: 4, http2: 2, newConnection })
    assert.deepEqual([...result.certificates.keys()], [before, after])
    const [of1, of2] = [...result.certificates.values()]
    assert.ok(of1!.first <= of1!.last && of1!.last <= of2!.first && of2!.first <= of2!.last)
  })

  test('opens another connection after `connection: close`', async (t) => {
    const { seen, listener, many } = counting((_, response) => {
      if (seen.requests % 10 === 0) response.setHeader('connection', 'close')
      response.end('ok')
    })
    const port = await listening(t, createServer(listener))
    const load = await startLoad({ port, path: '/', ratePerSecond: 200, connections: 2 })
    await many(100)
    const result = await load.stop()
    assert.deepEqual([result.failures, result.retriedIdle, result.ok], [[], 0, seen.requests])
    assert.ok(result.connections.keptAlive! >= 10, `${result.connections.keptAlive}`)
  })

  test('sends again what met the end of a kept connection, and only that', async (t) => {
    // The third request of each connection is read and never answered.
    let answered = 0
    const server = createTcpServer((socket) => {
      let requests = 0
      socket.on('error', () => {})
      socket.on('data', () => {
        if (++requests === 3) return socket.destroy()
        answered++
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
      })
    })
    const port = await listening(t, server)
    const load = await startLoad({ port, path: '/', ratePerSecond: 200, connections: 2 })
    await until('requests', () => answered >= 60)
    const result = await load.stop()
    assert.deepEqual([result.failures, result.ok], [[], answered])
    assert.ok(result.retriedIdle >= 25, `${result.retriedIdle}`)
  })

  test('opens another session on GOAWAY, and sends again what it left out', async (t) => {
    const { seen, listener, many } = counting()
    const server = createHttp2Server(listener as never)
    let refused = 0
    server.on('session', (session: ServerHttp2Session) => {
      let streams = 0
      session.on('error', () => {})
      session.on('stream', (stream) => {
        if (++streams === 10) session.goaway(0, stream.id! - 2)
        if (streams >= 10) refused++
      })
    })
    const port = await listening(t, server)
    const load = await startLoad({ port, path: '/', ratePerSecond: 200, kinds: { http2: 1 }, sessions: 2 })
    await many(100)
    const result = await load.stop()
    assert.deepEqual(result.failures, [])
    // Node's server does not even tell of all that it refuses.
    assert.ok(result.retriedRefused >= refused, `${result.retriedRefused}`)
    assert.equal(result.ok + refused, seen.requests)
    assert.ok(refused >= 5 && result.connections.http2! >= 5, `${refused}, ${result.connections.http2}`)
  })

  test('names everything else a failure', async (t) => {
    const { seen, listener, many } = counting((request, response) => {
      if (seen.requests % 3 === 0) response.writeHead(503).end()
      else if (seen.requests % 3 === 1) request.socket.destroy()
      else response.writeHead(200, { 'content-length': 10 }).end('x', () => request.socket.destroy())
    })
    const port = await listening(t, createServer(listener))
    const load = await startLoad({ port, path: '/', ratePerSecond: 100, kinds: { newConnection: 1 } })
    await many(30)
    const result = await load.stop()
    assert.deepEqual([result.ok, result.failed], [0, result.sent])
    const reasons = [...new Set(result.failures.map(({ reason }) => reason))].sort()
    assert.deepEqual(reasons, ['ECONNRESET: aborted', 'ECONNRESET: socket hang up', 'answered 503'])
  })

  test('names it a failure when nobody listens', async () => {
    const port = await freePort()
    const load = await startLoad({ port, path: '/', ratePerSecond: 100, kinds: { keptAlive: 1, http2: 1 } })
    await setTimeout(200)
    const { failed, sent, failures } = await load.stop()
    assert.ok(sent > 0 && failed === sent)
    for (const { reason } of failures) assert.match(reason, /ECONNREFUSED/)
  })

  test('downloads slowly, and says where an answer is cut', async (t) => {
    const { listener } = counting((request, response) => slowAnswer(0.3)(response, request))
    const port = await listening(t, createServer(listener))
    const whole = await slowDownload({ port, path: '/' }).done
    assert.deepEqual([whole.status, whole.bytes, whole.failure], [200, slowBytes, undefined])
    assert.ok(whole.seconds > 0.2, `${whole.seconds}`)

    const sessions = new Set<ServerHttp2Session>()
    const http2 = createHttp2Server(listener as never).on('session', (each) => sessions.add(each))
    const cut = slowDownload({ port: await listening(t, http2), path: '/', http2: true })
    await cut.begun
    for (const session of sessions) session.destroy()
    const { failure, bytes } = await cut.done
    assert.ok(failure !== undefined && bytes > 0 && bytes < slowBytes, `${failure} after ${bytes} bytes`)
  })
})
