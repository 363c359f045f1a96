import { createServer, type RequestListener, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { WeirError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import { problemResponse } from './problem-response.ts'
import { refusal } from './refusal.ts'
import { securityHeaders } from './security-headers.ts'

const maxHeaderBytes = 32 * 1024
const maxConnections = 1_024
/** A connection on which nothing moves is dropped; longer than the longest `?timeout=`. */
const stalledMs = 120_000
const keepAliveMs = 65_000

export interface BoundedServer {
  server: Server
  /** No further request: idle connections end now, the others after the answer that they wait for. */
  drain(): void
  destroyAll(): void
}

/** An HTTP/1.1 server with bounds on all that a peer controls, whose own refusals are problem documents too. */
export function createBoundedServer(
  listener: RequestListener,
  options: { observe: Observe; headersMs: number; requestMs: number },
): BoundedServer {
  const answering = new Map<Socket, ServerResponse>()
  const sockets = new Set<Socket>()
  let draining = false
  const server = createServer({
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: options.headersMs,
    requestTimeout: options.requestMs,
    connectionsCheckingInterval: Math.min(1_000, options.headersMs),
    keepAliveTimeout: keepAliveMs,
    // Node's own refusal would have no body.
    requireHostHeader: false,
  })
  server.maxConnections = maxConnections
  server.setTimeout(stalledMs)
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('request', (request, response) => {
    const { socket } = request
    answering.set(socket, response)
    response.once('close', () => {
      if (answering.get(socket) === response) answering.delete(socket)
      if (draining) socket.destroySoon()
    })
    listener(request, response)
  })
  // An expectation that is not known may be ignored (RFC 9110, section 10.1.1); Node would refuse without a body.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const refused = refusalOf(error)
    if (refused === undefined || !socket.writable || answering.get(socket)?.headersSent === true) {
      socket.destroy()
      return
    }
    const { status, text } = rawResponse(refused)
    options.observe({ event: 'request', method: '-', route: 'unreadable', status, milliseconds: 0 })
    socket.end(text, () => socket.destroy())
  })
  return {
    server,
    drain() {
      draining = true
      for (const socket of sockets) if (!answering.has(socket)) socket.destroy()
    },
    destroyAll() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** What the HTTP layer found wrong; nothing where the peer is simply gone. */
function refusalOf(error: NodeJS.ErrnoException): WeirError | undefined {
  switch (error.code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return undefined
    case 'HPE_HEADER_OVERFLOW':
      return refusal(
        'headers_too_large',
        `The headers exceed ${maxHeaderBytes} bytes.`,
        'send fewer or shorter headers',
      )
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return refusal(
        'too_large',
        'The chunk extensions are too long.',
        'send the body without chunk extensions',
      )
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return refusal('timeout', 'The request did not arrive in time.', 'send headers and body without pauses')
    default: {
      const reason = (error as { reason?: string }).reason ?? error.code ?? 'unknown reason'
      return refusal(
        'malformed',
        `This is not HTTP/1.1: ${reason}.`,
        'send a well-formed HTTP/1.1 request (RFC 9112)',
      )
    }
  }
}

function rawResponse(refused: WeirError): { status: number; text: string } {
  const { status, headers, body } = problemResponse(refused)
  const payload = JSON.stringify(body)
  const lines = Object.entries({
    ...securityHeaders,
    ...headers,
    'content-length': String(Buffer.byteLength(payload)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}`)
  return { status, text: [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', payload].join('\r\n') }
}
