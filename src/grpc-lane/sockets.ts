import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls'
import type { ConnectionRule } from './bounds.ts'
import { Connection } from './connection.ts'
import { Idlers } from './idlers.ts'
import { countRule, type Shared } from './shared.ts'

/** How often what is bounded in time is looked at, in milliseconds. */
const tickMs = 250
/** The kernel asks after peers that are silent, so that one which vanished is found even before its handshake is over. */
const keepAlive = { keepAlive: true, keepAliveInitialDelay: 10_000 }
/** Connections that may be on their way out, beyond the bound. */
const leaving = 64

interface Sockets {
  listen(address: string): Promise<{ address: string; port: number }>
  close(graceMs: number): Promise<void>
}

/** Connections on sockets: plaintext by prior knowledge (RFC 9113 section 3.3), or TLS with ALPN `h2` (section 3.2). */
export function createSockets(shared: Shared, tls: TlsOptions | undefined): Sockets {
  const { bounds, counts } = shared
  const open = new Map<Socket, Connection>()
  /** TCP connections: those that are not through with their handshake, too. */
  const raw = new Set<Socket>()
  const idlers = new Idlers(() => open.values())
  let settled: Connection[] = []
  let ticker: NodeJS.Timeout | undefined
  let closing = false
  /** Ends a `close` that has begun, where no connection is left. */
  let whenGone = () => {}

  function answerSettled(): void {
    const connections = settled
    settled = []
    for (const connection of connections) connection.answerSettled()
  }

  function later(connection: Connection): void {
    if (settled.push(connection) === 1) setImmediate(answerSettled)
  }

  function refuse(rule: ConnectionRule, peer: string): void {
    countRule(counts, rule)
    shared.observe({ event: 'lane_cut', rule, peer })
  }

  function serve(socket: Socket): void {
    const peer = nameOf(socket)
    let lingering: NodeJS.Timeout | undefined
    socket.setNoDelay(true)
    const connection = new Connection(
      shared,
      {
        peer,
        send(bytes) {
          socket.write(socket.writableLength === 0 ? bytes : ofItsOwn(bytes))
        },
        waiting: () => socket.writableLength,
        end(cut) {
          if (socket.writableEnded) return
          socket.end()
          const linger = (ms: number) => {
            clearTimeout(lingering)
            lingering = setTimeout(() => socket.destroy(), ms)
          }
          // Who is not cut has the time of an answer to read what was promised; then the kernel has it all.
          if (!cut) {
            socket.once('finish', () => linger(bounds.lingerMs))
            linger(bounds.requestMs)
            return
          }
          // The kernel's buffers are full soon, and that costs nothing here.
          socket.pause()
          linger(bounds.lingerMs)
        },
        destroy: () => socket.destroy(),
        later: () => later(connection),
      },
      performance.now(),
    )
    open.set(socket, connection)
    if (closing) connection.drain()
    counts.connections++
    counts.accepted++
    socket.on('data', (chunk: Buffer) => connection.receive(chunk, performance.now()))
    socket.on('close', () => {
      clearTimeout(lingering)
      open.delete(socket)
      counts.connections--
      connection.abandon()
      whenGone()
    })
  }

  const server = tls === undefined ? createServer(keepAlive, serve) : createTlsSide(tls)

  function createTlsSide(options: TlsOptions): Server {
    const secured = createTlsServer(
      {
        minVersion: 'TLSv1.2',
        ...keepAlive,
        ...options,
        ALPNProtocols: ['h2'],
        handshakeTimeout: bounds.handshakeMs,
      },
      (socket) => {
        socket.on('error', ignore)
        if (socket.alpnProtocol === 'h2') return serve(socket)
        refuse('alpn', nameOf(socket))
        socket.destroy()
      },
    )
    secured.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      if (error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT') refuse('handshake_timeout', nameOf(socket))
      socket.destroy()
    })
    return secured
  }

  server.maxConnections = bounds.connections + leaving
  server.on('drop', (peer) => refuse('connections', `${peer?.remoteAddress}:${peer?.remotePort}`))
  server.on('connection', (socket: Socket) => {
    raw.add(socket)
    if (raw.size > bounds.connections) makeRoom(socket)
    // A peer that goes is no failure of ours, and `close` follows.
    socket.on('error', ignore)
    socket.on('close', () => {
      raw.delete(socket)
      whenGone()
    })
  })

  function makeRoom(socket: Socket): void {
    const idler = idlers.next()
    if (idler !== undefined) idler.makeRoom()
    else {
      refuse('connections', nameOf(socket))
      socket.destroy()
    }
  }

  function tick(): void {
    const now = performance.now()
    idlers.forget()
    for (const connection of open.values()) connection.tick(now)
  }

  return {
    listen(address) {
      const colon = address.lastIndexOf(':')
      const host = address.slice(0, colon)
      return new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(
          { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(colon + 1)) },
          () => {
            server.off('error', reject)
            ticker = setInterval(tick, tickMs)
            ticker.unref()
            resolve({ address: host, port: (server.address() as { port: number }).port })
          },
        )
      })
    },
    close(graceMs) {
      closing = true
      return new Promise((resolve) => {
        const cut = setTimeout(() => {
          for (const socket of raw) socket.destroy()
        }, graceMs)
        whenGone = () => {
          if (raw.size + open.size > 0) return
          clearTimeout(cut)
          clearInterval(ticker)
          resolve()
        }
        server.close(whenGone)
        for (const connection of open.values()) connection.drain()
      })
    },
  }
}

function ignore(): void {}

/**
 * What waits for a peer that does not read keeps all the memory that it is a part of: a slab (`output.ts`) of 64 KiB, whose other
 * parts are answers to others, for an answer of 50 bytes that alone is counted.
 */
function ofItsOwn(bytes: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(own)
  return own
}

function nameOf(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`
}
