import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js'
import { silenceGrpc } from '../../envoy-api/grpc-logging.ts'
import { service } from '../../envoy-api/protos.ts'
import { failureOf } from './failure.ts'
import type { RateLimitRequest, RateLimitResponse } from './messages.ts'
import type { Transport, TransportOptions } from './transport.ts'

interface HealthAnswer {
  status: 'SERVING' | 'NOT_SERVING'
}

/** Largest request: what Envoy takes of headers, 60 KiB, for each of 32 policies, twice over. */
const maxMessageBytes = 4 * 1024 * 1024

/** The rate-limit service on `@grpc/grpc-js`, with the gRPC health checking protocol beside it. */
export function createGrpcJsTransport({ decide, serving, observe }: TransportOptions): Transport {
  silenceGrpc()
  const server = new Server({
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
  })

  async function shouldRateLimit(
    call: ServerUnaryCall<RateLimitRequest, RateLimitResponse>,
    reply: sendUnaryData<RateLimitResponse>,
  ): Promise<void> {
    try {
      reply(null, await decide(call.request))
    } catch (error) {
      const { code, message } = failureOf(error, observe)
      reply({ code: status[code], details: message })
    }
  }

  server.addService(service('envoy.service.ratelimit.v3.RateLimitService'), {
    ShouldRateLimit: shouldRateLimit,
  })
  server.addService(service('grpc.health.v1.Health'), {
    Check: (_call: ServerUnaryCall<object, HealthAnswer>, reply: sendUnaryData<HealthAnswer>) =>
      reply(null, { status: serving() ? 'SERVING' : 'NOT_SERVING' }),
  })

  return {
    listen(address) {
      return new Promise((resolve, reject) => {
        server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
          if (error !== null) reject(error)
          else resolve({ address: address.slice(0, address.lastIndexOf(':')), port })
        })
      })
    },
    close(graceMs) {
      return new Promise((resolve) => {
        const timer = setTimeout(() => server.forceShutdown(), graceMs)
        server.tryShutdown(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    },
  }
}
