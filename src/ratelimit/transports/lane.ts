import { decode, encode } from '../../envoy-api/protos.ts'
import type { Message } from '../../envoy-api/types.ts'
import { WeirError } from '../../errors.ts'
import { healthMethods } from '../../grpc-lane/health.ts'
import { createLane } from '../../grpc-lane/lane.ts'
import { LaneError, type Method } from '../../grpc-lane/method.ts'
import { failureOf } from './failure.ts'
import type { RateLimitRequest, RateLimitResponse } from './messages.ts'
import type { Transport, TransportOptions } from './transport.ts'

const service = 'envoy.service.ratelimit.v3.RateLimitService'

/** The rate-limit service on weir's own HTTP/2 server (`grpc-lane/`), with the health checking protocol beside it. */
export function createLaneTransport({ decide, serving, observe }: TransportOptions): Transport {
  function failed(error: unknown): never {
    const { code, message } = failureOf(error, observe)
    throw new LaneError(code, message)
  }

  const shouldRateLimit: Method = (message) => {
    try {
      const answer = decide(decodeRequest(message))
      return answer instanceof Promise ? answer.then(encodeResponse).catch(failed) : encodeResponse(answer)
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

function decodeRequest(message: Buffer): RateLimitRequest {
  try {
    return decode('envoy.service.ratelimit.v3.RateLimitRequest', message) as RateLimitRequest
  } catch (cause) {
    throw new WeirError('malformed', 'the message is no RateLimitRequest', { cause })
  }
}

function encodeResponse(response: RateLimitResponse): Buffer {
  return encode('envoy.service.ratelimit.v3.RateLimitResponse', response as unknown as Message)
}
