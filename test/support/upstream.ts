import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SeenRequest {
  method: string
  url: string
  headers: IncomingHttpHeaders
}

export interface Upstream {
  port: number
  /** Every request that arrived, in order. */
  seen: SeenRequest[]
  close(): Promise<void>
}

/** A real HTTP service that remembers what it was sent and answers with its name. */
export async function startUpstream(name: string): Promise<Upstream> {
  const seen: SeenRequest[] = []
  const server = createServer((request, response) => {
    seen.push({ method: request.method!, url: request.url!, headers: request.headers })
    request.resume()
    response.setHeader('x-upstream', name)
    response.end(`${name}\n`)
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
