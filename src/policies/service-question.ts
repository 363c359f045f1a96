import { duration, wrap } from '../envoy-api/build.ts'
import { otherHosts } from '../envoy-api/other-hosts.ts'
import type { Message } from '../envoy-api/types.ts'
import { milliseconds } from '../model/duration.ts'
import type { EffectiveGateway } from '../model/gateway.ts'
import { rateLimitCluster } from '../model/service-clusters.ts'

/** How a filter of a gateway asks weir's service: fields of Envoy's rate-limit filter. */
export function serviceQuestion({ rateLimitService }: EffectiveGateway): Message {
  const timeoutMs = milliseconds(rateLimitService.timeout!)
  return {
    // Envoy's own default, 20 ms, would let all pass under a hiccup without a word.
    timeout: duration(timeoutMs),
    rate_limit_service: {
      grpc_service: { envoy_grpc: { cluster_name: rateLimitCluster }, retry_policy: retryPolicy(timeoutMs) },
      transport_api_version: 'V3',
    },
  }
}

/**
 * Where one replica is away, another one is asked, within the timeout. Envoy 1.40 obeys this for ShouldRateLimit too, though
 * its docs name xDS alone, and takes the longest back-off for the timeout of each try, as well: less than the whole
 * timeout would ask twice, and count twice, where a replica is but slow. A question whose answer was lost may be counted
 * twice: better than not at all.
 */
function retryPolicy(timeoutMs: number): Message {
  return {
    retry_on: 'connect-failure,refused-stream,reset,unavailable',
    num_retries: wrap(3),
    retry_back_off: { base_interval: duration(Math.min(5, timeoutMs)), max_interval: duration(timeoutMs) },
    ...otherHosts(10),
  }
}
