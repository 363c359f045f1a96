import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge

before(async () => {
  edge = await startEdge()
})

after(() => edge?.stop())

describe('WebSocket', () => {
  let echo: Upstream
  /** Accepts an upgrade (RFC 6455, section 4.2.2) and sends back what it gets, unmasked. */
  const server = createServer()
  before(async () => {
    server.on('upgrade', (request: IncomingMessage, socket) => {
      const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
      const accept = createHash('sha1').update(key).digest('base64')
      socket.on('error', () => socket.destroy())
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
      )
      socket.on('data', (frame: Buffer) => {
        if ((frame[0]! & 0x0f) !== 1) return socket.end()
        const length = frame[1]! & 0x7f
        const mask = frame.subarray(2, 6)
        const text = Buffer.from(frame.subarray(6, 6 + length).map((byte, at) => byte ^ mask[at % 4]!))
        socket.write(Buffer.concat([Buffer.from([0x81, length]), text]))
      })
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    echo = { port: (server.address() as AddressInfo).port } as Upstream
    await edge.apply(
      cluster('echo', echo),
      route('socket', '/socket', { forward: [{ cluster: 'echo' }], timeout: '1s' }),
      route('no-socket', '/no-socket', { forward: [{ cluster: 'echo' }], upgrades: [] }),
    )
  })
  after(() => {
    server.close()
    server.closeAllConnections()
  })

  async function exchange(path: string, pause = async () => {}): Promise<string> {
    const socket = new WebSocket(`ws://127.0.0.1:${edge.port}${path}`)
    await new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = () => reject(new Error('no upgrade'))
    })
    await pause()
    const answer = new Promise<string>((resolve) => {
      socket.onmessage = ({ data }) => resolve(String(data))
    })
    socket.send('hello')
    const text = await answer
    socket.close()
    return text
  }

  test('passes, and outlives the time of a request', async () => {
    // Another request of the same time limit ends meanwhile, so that the limit is over without a sleep.
    const timeLimit = async () => assert.equal((await edge.send('/socket/never')).status, 504)
    assert.equal(await exchange('/socket', timeLimit), 'hello')
  })

  test('does not pass where the route says so', async () => {
    await assert.rejects(exchange('/no-socket'), /no upgrade/)
  })
})

test('events are passed on one by one (Server-Sent Events)', async () => {
  let emit: (text: string) => void = () => {}
  const events = await startUpstream('events', (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    emit = (text) => response.write(`data: ${text}\n\n`)
    response.flushHeaders()
  })
  try {
    await edge.apply(
      cluster('events', events),
      route('events', '/events', { forward: [{ cluster: 'events' }], timeout: '0s' }),
    )
    const request = get({ host: '127.0.0.1', port: edge.port, path: '/events' })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    for (const text of ['one', 'two']) {
      emit(text)
      assert.equal(String((await once(response, 'data'))[0]), `data: ${text}\n\n`)
    }
    request.destroy()
  } finally {
    await events.close()
  }
})

describe('gRPC', () => {
  const bytes = (value: Buffer) => value
  const service: ServiceDefinition = {
    Echo: {
      path: '/weir.test.Echo/Echo',
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    },
    Fail: {
      path: '/weir.test.Echo/Fail',
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    },
  }
  const server = new Server()
  before(async () => {
    server.addService(service, {
      Echo: (call: { request: Buffer }, answer: (error: null, value: Buffer) => void) =>
        answer(null, call.request),
      Fail: (_: unknown, answer: (error: object) => void) =>
        answer({ code: status.NOT_FOUND, details: 'none' }),
    })
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      )
    })
    await edge.apply(
      cluster('grpc', { port } as Upstream, { protocol: 'http2' }),
      route('grpc', '/weir.test.Echo', { forward: [{ cluster: 'grpc' }] }),
    )
  })
  after(() => server.forceShutdown())

  function call(method: string): Promise<{ code: number; text: string }> {
    const client = new Client(`127.0.0.1:${edge.port}`, credentials.createInsecure())
    return new Promise((resolve) => {
      client.makeUnaryRequest(
        method,
        bytes,
        bytes,
        Buffer.from('hello'),
        new Metadata(),
        {},
        (error, value) => {
          client.close()
          resolve({ code: error?.code ?? 0, text: error?.details ?? String(value) })
        },
      )
    })
  }

  test('passes, with the status in its trailers', async () => {
    assert.deepEqual(await call('/weir.test.Echo/Echo'), { code: 0, text: 'hello' })
    assert.deepEqual(await call('/weir.test.Echo/Fail'), { code: status.NOT_FOUND, text: 'none' })
  })

  test('a service without a route is unimplemented', async () => {
    assert.equal((await call('/weir.test.Other/Echo')).code, status.UNIMPLEMENTED)
  })
})

test('HTTP/2 in clear is spoken on the same port', async () => {
  await edge.apply(route('h2', { path: { exact: '/h2' } }, { respond: { status: 200, body: 'h2' } }))
  const session = connectHttp2(`http://127.0.0.1:${edge.port}`)
  const stream = session.request({ ':path': '/h2' })
  const [headers] = await once(stream, 'response')
  assert.equal(headers[':status'], 200)
  stream.resume()
  await once(stream, 'end')
  session.close()
})
