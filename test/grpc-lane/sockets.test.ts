import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Method } from '../../src/grpc-lane/method.ts'
import { issue } from '../support/certificate.ts'
import { until } from '../support/until.ts'
import { serveLane } from './serve.ts'
import { call, frame, message, preface, Reading, settings, windowUpdate } from './wire.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const path = '/test.Lane/Echo'
const { privateKey, certificate } = issue({ commonName: 'lane' })
const tls = { key: privateKey, cert: certificate }

/** A socket that gathers what it hears in words. */
function open(port: number): { socket: Socket; words: string[]; closed: Promise<unknown> } {
  const socket = connect(port, '127.0.0.1')
  const words: string[] = []
  const reading = new Reading()
  socket.on('data', (bytes: Buffer) => words.push(...reading.read(bytes)))
  socket.on('error', () => {})
  return { socket, words, closed: once(socket, 'close') }
}

const rules = (events: { event: string; rule?: string }[]) => events.map(({ rule }) => rule)

describe('connections on sockets', () => {
  test('who breaks the protocol is told why, and cut off', async (t) => {
    const { port, events, lane } = await serveLane(t)
    const { socket, words, closed } = open(port)
    socket.write(Buffer.concat([preface, frame('PING', 0, Buffer.alloc(8))]))
    await closed
    assert.equal(words.at(-1), 'GOAWAY 0 PROTOCOL_ERROR')
    assert.deepEqual(rules(events), ['preface'])
    await until('the connection is forgotten', () => lane.counts.connections === 0)
  })

  test('who is cut off and does not go is gone after a while', async (t) => {
    const { port, lane } = await serveLane(t, { bounds: { lingerMs: 50 } })
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    socket.resume()
    socket.write('GET / HTTP/1.1\r\n\r\n')
    await once(socket, 'end')
    await until('the connection is forgotten', () => lane.counts.connections === 0)
  })

  test('who says nothing is cut off', async (t) => {
    const { port, events } = await serveLane(t, { bounds: { prefaceMs: 50 } })
    const { words, closed } = open(port)
    await closed
    assert.equal(words.at(-1), 'GOAWAY 0 ENHANCE_YOUR_CALM')
    assert.deepEqual(rules(events), ['preface_timeout'])
  })

  test('who does not read is cut off, however many answers there are', async (t) => {
    const large: Method = () => Buffer.alloc(1 << 20)
    const { port, events, lane } = await serveLane(t, {
      methods: new Map([[path, large]]),
      bounds: { queuedBytes: 8 << 20 },
    })
    const socket = connect(port, '127.0.0.1')
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    socket.pause()
    socket.write(Buffer.concat([preface, settings({ 4: 0x7fffffff }), windowUpdate(0, 0x7fff0000 - 65_535)]))
    // More than any kernel keeps of a connection.
    for (let id = 1; id < 200; id += 2) socket.write(call(id, path))
    await until('the connection is cut off', () => events.length > 0)
    await until('it is forgotten', () => lane.counts.connections === 0)
    assert.deepEqual(rules(events), ['slow_reader'])
    assert.equal(lane.counts.streams, 0)
  })

  test('what waits for who does not read keeps no memory but its own', async (t) => {
    const { port, lane } = await serveLane(t)
    const slow = connect(port, '127.0.0.1')
    const busy = open(port).socket
    t.after(() => {
      slow.destroy()
      busy.destroy()
    })
    slow.on('error', () => {})
    slow.pause()
    slow.write(Buffer.concat([preface, settings({ 4: 0x7fffffff }), windowUpdate(0, 0x7fff0000 - 65_535)]))
    busy.write(Buffer.concat([preface, settings(), windowUpdate(0, 0x7fff0000 - 65_535)]))
    // More than the kernel keeps of a connection, and less than what is cut off.
    let id = 1
    for (; id < 1_100; id += 2) slow.write(call(id, path, Buffer.alloc(12_000)))
    await until('they are answered', () => lane.counts.calls === 550)
    collectGarbage()
    const before = process.memoryUsage().arrayBuffers
    // For each answer that waits, the other connection is answered as much as a slab holds.
    for (let round = 0, busyId = 1; round < 100; round++) {
      const calls = lane.counts.calls
      const others = Array.from({ length: 8 }, (_, index) =>
        call(busyId + 2 * index, path, Buffer.alloc(8_000)),
      )
      busyId += 16
      busy.write(Buffer.concat(others))
      slow.write(call(id, path))
      id += 2
      await until('the round is answered', () => lane.counts.calls === calls + 9)
    }
    await until('less than 2 MiB are kept for 100 answers of 50 bytes', () => {
      collectGarbage()
      return process.memoryUsage().arrayBuffers - before < 2 << 20
    })
  })

  test('connections are bounded in number: who is busy stays', async (t) => {
    const methods = new Map([[path, () => new Promise<Uint8Array>(() => {})]])
    const { port, events, lane } = await serveLane(t, { methods, bounds: { connections: 2 } })
    const kept = [open(port), open(port)]
    t.after(() => kept.map(({ socket }) => socket.destroy()))
    for (const { socket } of kept) socket.write(Buffer.concat([preface, settings(), call(1, path)]))
    await until('both are busy', () => lane.counts.calls === 2)
    await open(port).closed
    await open(port).closed
    assert.deepEqual(rules(events), ['connections', 'connections'])
    assert.equal(lane.counts.streams, 2)
  })

  test('whoever has been idle for longest makes room for another', async (t) => {
    const { port, lane } = await serveLane(t, { bounds: { connections: 3 } })
    const peers = [open(port), open(port), open(port)]
    t.after(() => peers.map(({ socket }) => socket.destroy()))
    await until('all are open', () => lane.counts.connections === 3)
    // Who came first is heard last.
    for (const peer of peers.toReversed()) {
      peer.socket.write(Buffer.concat([preface, settings(), call(1, path)]))
      await until('it is answered', () => peer.words.includes('HEADERS 1 grpc-status=0 END'))
    }
    peers.push(open(port))
    await peers[2]!.closed
    assert.equal(peers[2]!.words.at(-1), 'GOAWAY 1 NO_ERROR')
    for (const peer of [peers[0]!, peers[1]!, peers[3]!]) {
      peer.socket.write(
        peer === peers[3] ? Buffer.concat([preface, settings(), call(3, path)]) : call(3, path),
      )
      await until('it is answered', () => peer.words.includes('HEADERS 3 grpc-status=0 END'))
    }
    assert.deepEqual(lane.counts.rules, { connections: 1 })
  })

  test('the kernel asks after peers that are silent', async (t) => {
    for (const options of [{}, { tls }]) {
      const { port, lane } = await serveLane(t, options)
      const socket = connect(port, '127.0.0.1')
      t.after(() => socket.destroy())
      await once(socket, 'connect')
      const local = port.toString(16).toUpperCase().padStart(4, '0')
      // proc(5): local address, state (01: established), and which timer runs (02: keepalive).
      const line = new RegExp(`^ *\\d+: [0-9A-F]+:${local} [0-9A-F:]+ 01 [0-9A-F:]+ 02:`, 'm')
      await until('the timer runs', () => line.test(readFileSync('/proc/net/tcp', 'utf8')))
      assert.ok(lane.counts.connections <= 1)
    }
  })

  test('a peer that vanishes within a call leaves nothing behind', async (t) => {
    let seen: { aborted: boolean } | undefined
    const never: Method = (_, call) => {
      seen = call
      return new Promise<Uint8Array>(() => {})
    }
    const { port, lane } = await serveLane(t, { methods: new Map([[path, never]]) })
    const { socket } = open(port)
    socket.write(Buffer.concat([preface, settings(), call(1, path)]))
    await until('the call is there', () => seen !== undefined)
    socket.resetAndDestroy()
    await until('it is aborted', () => seen?.aborted === true)
    assert.deepEqual([lane.counts.connections, lane.counts.streams], [0, 0])
  })
})

describe('TLS', () => {
  test('needs ALPN to say h2', async (t) => {
    const { port, events } = await serveLane(t, { tls })
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    socket.on('error', () => {})
    await once(socket, 'close')
    assert.deepEqual(rules(events), ['alpn'])
  })

  test('a client of HTTP/1.1 alone is refused by the handshake', async (t) => {
    const { port } = await serveLane(t, { tls })
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    })
    const [error] = await once(socket, 'error')
    assert.match(String(error), /no application protocol/i)
  })

  test('a handshake has its time', async (t) => {
    const { port, events } = await serveLane(t, { tls, bounds: { handshakeMs: 50 } })
    await open(port).closed
    assert.deepEqual(rules(events), ['handshake_timeout'])
  })

  test('mTLS refuses who has no certificate', async (t) => {
    const { port, lane } = await serveLane(t, {
      tls: { ...tls, ca: certificate, requestCert: true, rejectUnauthorized: true },
    })
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] })
    const [error] = await once(socket.resume(), 'error')
    assert.match(String(error), /certificate required/)
    assert.equal(lane.counts.accepted, 0)
  })
})

describe('closing', () => {
  test('calls under way are finished, and the peer is told to go elsewhere', async (t) => {
    let answer: ((bytes: Uint8Array) => void) | undefined
    const later: Method = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    const { port, lane } = await serveLane(t, { methods: new Map([[path, later]]) })
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      te: 'trailers',
      'content-type': 'application/grpc',
    })
    stream.end(message('A'))
    stream.resume()
    await until('the call is there', () => answer !== undefined)
    const left = once(session, 'goaway')
    const closed = lane.close(20_000)
    await left
    answer!(Buffer.from('B'))
    const [trailers] = await once(stream, 'trailers')
    assert.equal(trailers['grpc-status'], '0')
    await closed
    assert.equal(lane.counts.connections, 0)
  })

  test('who finishes its handshake only then is told at once', async (t) => {
    const { port, lane } = await serveLane(t, { tls })
    const late = connect(port, '127.0.0.1')
    await once(late, 'connect')
    const options = { rejectUnauthorized: false, ALPNProtocols: ['h2'] }
    const first = connectTls({ port, host: '127.0.0.1', ...options })
    t.after(() => first.destroy())
    // Connections are accepted in their order: where the second is served, the first is there.
    await until('one is served', () => lane.counts.connections === 1)
    const closed = lane.close(20_000)
    const session = connectHttp2(`https://127.0.0.1:${port}`, {
      createConnection: () => connectTls({ socket: late, ...options }),
    })
    await once(session, 'goaway')
    first.destroy()
    await closed
  })

  test('what takes longer than the grace is cut off', async (t) => {
    const { port, lane } = await serveLane(t, {
      methods: new Map([[path, () => new Promise<Uint8Array>(() => {})]]),
    })
    const { socket, closed } = open(port)
    socket.write(Buffer.concat([preface, settings(), call(1, path)]))
    await until('the call is there', () => lane.counts.calls === 1)
    await lane.close(50)
    await closed
    assert.equal(lane.counts.streams, 0)
  })

  test('nobody is accepted any more', async (t) => {
    const { port, lane } = await serveLane(t)
    await lane.close(0)
    const socket = connect(port, '127.0.0.1')
    const [error] = await once(socket, 'error')
    assert.equal(error.code, 'ECONNREFUSED')
  })
})
