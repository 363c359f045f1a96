import { createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { WeirError } from '../../src/errors.ts'
import { decodeRateLimitRequest } from '../../src/ratelimit/transports/codec/request.ts'
import { encodeRateLimitResponse } from '../../src/ratelimit/transports/codec/response.ts'
import type { RateLimitResponse } from '../../src/ratelimit/transports/messages.ts'
import type { Decide, Transport } from '../../src/ratelimit/transports/transport.ts'

/** gRPC on bare `node:http2` with weir's codec: what Node's own HTTP/2 costs, with no promise of the protocol kept. */
export function createHttp2Transport(decide: Decide): Transport {
  const server = createServer({ settings: { maxConcurrentStreams: 8_192 } })

  function answer(stream: ServerHttp2Stream, response: RateLimitResponse): void {
    if (stream.destroyed) return
    const body = encodeRateLimitResponse(response)
    const message = Buffer.alloc(5 + body.length)
    message.writeUInt32BE(body.length, 1)
    message.set(body, 5)
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.end(message)
  }

  server.on('sessionError', () => undefined)
  server.on('stream', (stream: ServerHttp2Stream) => {
    const chunks: Buffer[] = []
    // The load has gone.
    stream.on('error', () => undefined)
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', async () => {
      const request = decodeRateLimitRequest(Buffer.concat(chunks).subarray(5))
      if (request instanceof WeirError) throw request
      const decided = decide(request)
      answer(stream, decided instanceof Promise ? await decided : decided)
    })
  })
  return {
    listen: () =>
      new Promise((resolve) => {
        server.listen(0, '127.0.0.1', () => {
          resolve({ address: '127.0.0.1', port: (server.address() as AddressInfo).port })
        })
      }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
