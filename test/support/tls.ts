import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { request } from 'node:https'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'

/** What a client learns of a server by a handshake, or the code by which it fails. */
export interface Handshake {
  /** Common name of the certificate that was served. */
  served?: string
  /** Its serial number. */
  serial?: string
  alpn?: string | false | null
  protocol?: string | null
  cipher?: string
  failure?: string
}

const loose: ConnectionOptions = { host: '127.0.0.1', rejectUnauthorized: false }

/** One handshake with a listener of this machine. A server that refuses a client says so only after TLS 1.3's is over. */
export async function handshake(port: number, options: ConnectionOptions = {}): Promise<Handshake> {
  const socket = connect({ ...loose, port, ...options })
  try {
    await once(socket, 'secureConnect')
    return {
      served: commonNameOf(socket),
      serial: socket.getPeerX509Certificate()!.serialNumber,
      alpn: socket.alpnProtocol,
      protocol: socket.getProtocol(),
      cipher: socket.getCipher().name,
    }
  } catch (error) {
    return { failure: (error as NodeJS.ErrnoException).code ?? String(error) }
  } finally {
    socket.destroy()
  }
}

export function commonNameOf(socket: TLSSocket): string {
  return /^CN=(.*)$/m.exec(socket.getPeerX509Certificate()!.subject)?.[1] ?? ''
}

export interface SecureAnswer {
  status?: number
  body?: string
  headers?: IncomingHttpHeaders
  failure?: string
}

/** One HTTP/1.1 request over TLS, or the code by which it fails. */
export function sendSecurely(
  port: number,
  path: string,
  options: ConnectionOptions & { headers?: Record<string, string> } = {},
): Promise<SecureAnswer> {
  const { servername = 'a.example', headers = {}, ...rest } = options
  return new Promise((resolve) => {
    const outgoing = request(
      { ...loose, ...rest, servername, port, path, agent: false, headers: { host: servername, ...headers } },
      async (response) => {
        let body = ''
        for await (const chunk of response) body += chunk
        resolve({ status: response.statusCode!, body, headers: response.headers })
      },
    )
    outgoing.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ failure: error.code ?? error.message }),
    )
    outgoing.end()
  })
}
