import { Client, credentials } from '@grpc/grpc-js'
import { service } from '../../src/envoy-api/protos.ts'
import type { RateLimitRequest, RateLimitResponse } from '../../src/ratelimit/transports/messages.ts'

/** A plain gRPC client of the rate-limit service. */
export interface RateLimitClient {
  ask(request: RateLimitRequest): Promise<RateLimitResponse>
  close(): void
}

export function rateLimitClient(port: number): RateLimitClient {
  const { path, requestSerialize, responseDeserialize } = service(
    'envoy.service.ratelimit.v3.RateLimitService',
  ).ShouldRateLimit!
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, answer) => {
          if (error === null) resolve(answer as RateLimitResponse)
          else reject(error)
        })
      }),
    close: () => client.close(),
  }
}
