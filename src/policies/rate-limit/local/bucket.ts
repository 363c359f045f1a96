import { duration, wrap } from '../../../envoy-api/build.ts'
import type { Message } from '../../../envoy-api/types.ts'

/** A bucket of tokens that starts full and refills continuously. */
export interface Bucket {
  capacity: number
  refill: { tokens: number; everyMs: number }
}

/** Envoy's numbers are of 32 bits. */
const most = 4_294_967_295

/** Envoy takes no shorter one (Envoy docs: LocalRateLimit.token_bucket). */
const shortestFillMs = 50

/**
 * `envoy.type.v3.TokenBucket`. Envoy refills continuously, too, so that only the rate counts, and a time that is too
 * short for it is taken several times. What no machine serves in that time is cut.
 */
export function tokenBucket({ capacity, refill: { tokens, everyMs } }: Bucket): Message {
  const times = Math.ceil(shortestFillMs / everyMs)
  return {
    max_tokens: Math.min(capacity, most),
    tokens_per_fill: wrap(Math.min(tokens * times, most)),
    fill_interval: duration(everyMs * times),
  }
}

/** For requests that none of the limits is for: more than an Envoy can serve. */
export const unlimited: Bucket = { capacity: most, refill: { tokens: most, everyMs: 1_000 } }
