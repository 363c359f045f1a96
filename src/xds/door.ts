import { lookup } from 'node:dns/promises'
import { createServer, isIP, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import { messageOf } from '../errors.ts'
import type { Observe, XdsRule } from '../observe.ts'
import { bounds } from './bounds.ts'
import { addressOf, networkOf } from './peer.ts'
import { Tally } from './tally.ts'

/** PEM texts of what xDS is served with over TLS; with `ca` clients are asked for certificates that it signed. */
export interface TlsMaterial {
  readonly certificate: string
  readonly privateKey: string
  readonly ca?: string | undefined
}

export interface DoorOptions {
  readonly tls?: TlsMaterial | undefined
  readonly observe: Observe
  /** Takes a connection that is through with its handshake. */
  readonly enter: (socket: Socket) => void
  /** Of connections, by address; by default with the numbers of `bounds.ts`. */
  readonly tally?: Tally
}

/** The sockets of xDS: connections are counted by address, and have their TLS behind them when they are handed on. */
export interface Door {
  /** Binds every address of the name; rejects where none can be bound. */
  listen(host: string, port: number): Promise<number>
  /** Connections from now on are served with this; those that are open stay as they are. */
  renew(tls: TlsMaterial): void
  /** Why the certificate of that open connection was not verified. */
  unverified(peer: string): string | undefined
  /** Ends that connection. */
  drop(peer: string): void
  /** Takes no new connections, and drops those that are in their handshake. */
  close(): void
}

export function createDoor(options: DoorOptions): Door {
  const { observe, enter, tally = new Tally(bounds.connectionsOfAddress, bounds.connections) } = options
  const servers: Server[] = []
  /** By peer: those in their handshake, and those that were handed on. */
  const shaking = new Map<string, Socket>()
  const open = new Map<string, Socket>()
  const unverified = new Map<string, string>()
  let material = options.tls

  function refuse(rule: XdsRule, socket: Socket, reason: string): void {
    observe({ event: 'xds_refused', rule, peer: peerOf(socket), reason })
    socket.destroy()
  }

  /** Of each TCP connection, before anything of it is read. */
  function arrived(socket: Socket): void {
    const peer = peerOf(socket)
    socket.on('error', ignore)
    const leave = tally.enter(networkOf(addressOf(peer)))
    if (typeof leave === 'string') {
      refuse('connections', socket, `there are as many connections ${leave} as there may be`)
      return
    }
    shaking.set(peer, socket)
    socket.once('close', () => {
      leave()
      if (shaking.get(peer) === socket) shaking.delete(peer)
    })
  }

  function handOn(socket: Socket): void {
    const peer = peerOf(socket)
    shaking.delete(peer)
    open.set(peer, socket)
    socket.once('close', () => {
      if (open.get(peer) === socket) open.delete(peer)
      unverified.delete(peer)
    })
    enter(socket)
  }

  function plain(socket: Socket): void {
    arrived(socket)
    if (!socket.destroyed) handOn(socket)
  }

  function secured(socket: TLSSocket): void {
    socket.on('error', ignore)
    if (socket.alpnProtocol !== 'h2') {
      refuse('handshake', socket, 'it does not offer HTTP/2 (ALPN h2)')
      return
    }
    const showed = socket.getPeerX509Certificate() !== undefined
    if (showed && !socket.authorized) unverified.set(peerOf(socket), String(socket.authorizationError))
    handOn(socket)
  }

  function create(): Server {
    if (material === undefined) return createServer({ noDelay: true }, plain)
    const server = createTlsServer(
      {
        ...contextOf(material),
        noDelay: true,
        minVersion: 'TLSv1.2',
        ALPNProtocols: ['h2'],
        handshakeTimeout: bounds.handshakeMs,
        // Who shows none, or one that is not good, is told so by the answer to its call, which Envoy logs.
        requestCert: material.ca !== undefined,
        rejectUnauthorized: false,
      },
      secured,
    )
    server.on('connection', arrived)
    server.on('tlsClientError', (error: NodeJS.ErrnoException & { reason?: string }, socket) => {
      // Who goes again without a word (a balancer that asks whether the port is open) was not refused.
      if (error.code === 'ECONNRESET') return
      refuse('handshake', socket, error.reason ?? messageOf(error).replaceAll(/[^ -~]+/g, ' '))
    })
    return server
  }

  return {
    async listen(host, port) {
      let bound = port
      for (const address of await addressesOf(host)) {
        const server = create()
        bound = await listening(server, address, bound)
        servers.push(server)
      }
      return bound
    },
    renew(renewed) {
      material = renewed
      for (const server of servers) (server as TlsServer).setSecureContext(contextOf(renewed))
    },
    unverified: (peer) => unverified.get(peer),
    drop: (peer) => void open.get(peer)?.destroy(),
    close() {
      for (const server of servers) server.close()
      for (const socket of shaking.values()) socket.destroy()
    },
  }
}

function contextOf({ certificate, privateKey, ca }: TlsMaterial) {
  return { cert: certificate, key: privateKey, ...(ca !== undefined && { ca }) }
}

async function addressesOf(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host]
  const found = await lookup(host, { all: true })
  return [...new Set(found.map(({ address }) => address))]
}

function listening(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: bounds.backlog }, () => {
      server.off('error', reject)
      server.on('error', ignore)
      resolve((server.address() as { port: number }).port)
    })
  })
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`
}

function ignore(): void {}
