import { WeirError } from '../../errors.ts'
import { healthMethods } from '../../grpc-lane/health.ts'
import { createLane } from '../../grpc-lane/lane.ts'
import { LaneError, type Method } from '../../grpc-lane/method.ts'
import { decodeRateLimitRequest } from './codec/request.ts'
import { encodeRateLimitResponse } from './codec/response.ts'
import { failureOf } from './failure.ts'
import type { RateLimitResponse } from './messages.ts'
import type { Transport, TransportOptions } from './transport.ts'

const service = 'envoy.service.ratelimit.v3.RateLimitService'

const encoded = (response: RateLimitResponse) => Buffer.from(encodeRateLimitResponse(response))

/** The rate-limit service on weir's own HTTP/2 server (`grpc-lane/`), with the health checking protocol beside it. */
export function createLaneTransport({ decide, serving, observe }: TransportOptions): Transport {
  function failed(error: unknown): never {
    const { code, message } = failureOf(error, observe)
    throw new LaneError(code, message)
  }

  const shouldRateLimit: Method = (message) => {
    const request = decodeRateLimitRequest(message)
    if (request instanceof WeirError) return failed(request)
    try {
      const answer = decide(request)
      if (answer instanceof Promise) return answer.then(encoded).catch(failed)
      return encodeRateLimitResponse(answer)
    } catch (error) {
      return failed(error)
    }
  }

  const isServing = (name: string) => (name === '' || name === service ? serving() : undefined)
  return createLane({
    methods: new Map([[`/${service}/ShouldRateLimit`, shouldRateLimit], ...healthMethods(isServing)]),
    observe,
  })
}
