import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
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
  /** Resolves when that many have arrived. */
  seenCount(count: number): Promise<void>
  close(): Promise<void>
}

export type Answer = (response: ServerResponse, request: IncomingMessage) => void

/** A real HTTP service that remembers what it was sent and answers with its name, or as `answer` does. */
export async function startUpstream(
  name: string,
  answer: Answer = (response) => response.end(`${name}\n`),
): Promise<Upstream> {
  const seen: SeenRequest[] = []
  const arrivals = new EventEmitter()
  const server = createServer((request, response) => {
    seen.push({ method: request.method!, url: request.url!, headers: request.headers })
    arrivals.emit('request')
    request.resume()
    response.setHeader('x-upstream', name)
    answer(response, request)
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    async seenCount(count) {
      while (seen.length < count) await once(arrivals, 'request')
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
