import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { cluster, type Edge, gateway, route, startEdge } from '../support/edge.ts'
import { send } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstream: Upstream
/** A listener with times of its own. */
let short: number
/** The status of a request over a connection that is kept, and has no other; Envoy takes some seconds to let go of it. */
let idle: Promise<number>
let closed: Promise<unknown>
const agent = new Agent({ keepAlive: true })

before(async () => {
  // `/hang` is never answered; all else gets an event every few milliseconds, for ever.
  upstream = await startUpstream('a', async (response, { url }) => {
    if (url!.endsWith('/hang')) return
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    while (!response.destroyed) {
      response.write('data: more\n\n')
      await delay(20)
    }
  })
  short = await freePort()
  edge = await startEdge()
  const listeners = [
    { name: 'http', port: edge.port, protocol: 'http' },
    {
      name: 'short',
      port: short,
      protocol: 'http',
      idleTimeout: '300ms',
      maxStreamDuration: '1s',
      connectionIdleTimeout: '400ms',
    },
  ]
  await edge.apply(
    gateway(edge.port, { listeners }),
    cluster('a', upstream),
    route('all', '/', { timeout: '0s' }),
  )
  await edge.apply(
    route('bounded', '/bounded', { timeout: '0s', maxStreamDuration: '400ms' }),
    route('unbounded', '/unbounded', { timeout: '0s', maxStreamDuration: '0s', idleTimeout: '1h' }),
  )
  closed = new Promise((resolve) => {
    agent.on('free', (socket: NodeJS.EventEmitter) => void socket.once('close', resolve))
  })
  idle = send(short, { path: '/hang' }, agent).then(({ status }) => status)
})

after(async () => {
  agent.destroy()
  await edge?.stop()
  await upstream?.close()
})

/** The begun answer to a request. */
async function stream(port: number, path: string): Promise<IncomingMessage> {
  const [response] = (await once(get({ host: '127.0.0.1', port, path, agent: false }), 'response')) as [
    IncomingMessage,
  ]
  return response
}

/** Reads until the answer is cut off; answers with the bytes that came. */
async function cutOff(response: IncomingMessage): Promise<number> {
  let bytes = 0
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  await assert.rejects(once(response, 'end'), { code: 'ECONNRESET' })
  return bytes
}

test('a stream on which something moves is ended by maxStreamDuration of its route', async () => {
  assert.ok((await cutOff(await stream(edge.port, '/bounded/events'))) > 0)
})

test('a request that is not answered by then gets a 504', async () => {
  assert.equal((await edge.send('/bounded/hang')).status, 504)
})

test('the listener’s maxStreamDuration holds where a route says nothing, and 0s lifts it', async () => {
  const free = await stream(short, '/unbounded/events')
  free.resume()
  assert.ok((await cutOff(await stream(short, '/events'))) > 0)
  // It began before, and goes on.
  await once(free, 'data')
  await once(free, 'data')
  free.destroy()
})

test('the listener’s idleTimeout ends a request on which nothing moves, where its route says nothing', async () => {
  const waiting = send(short, { path: '/unbounded/hang' }).then(
    () => 'answered',
    () => 'cut off',
  )
  assert.equal((await send(short, { path: '/hang' })).status, 504)
  assert.equal(await Promise.race([waiting, send(short, { path: '/hang' }).then(() => 'waits')]), 'waits')
})

test('an upgraded connection on which something moves is ended by it, too', async () => {
  const server = createServer()
  server.on('upgrade', async (_, socket) => {
    socket.on('error', () => socket.destroy())
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    while (!socket.destroyed) {
      socket.write('more')
      await delay(20)
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  try {
    const { port } = server.address() as AddressInfo
    const forward = [{ cluster: 'sockets' }]
    await edge.apply(
      cluster('sockets', { port }),
      route('sockets', '/sockets', { forward, timeout: '0s', maxStreamDuration: '400ms' }),
    )
    const socket = connect(edge.port, '127.0.0.1')
    socket.write('GET /sockets HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    let text = ''
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
    })
    await once(socket, 'close')
    assert.match(text, /^HTTP\/1.1 101 [\s\S]*moremore/)
  } finally {
    server.close()
    server.closeAllConnections()
  }
})

test('a connection without requests is closed after connectionIdleTimeout', async () => {
  assert.equal(await idle, 504)
  await closed
})
