import { wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { EffectiveConnectionPool } from '../../model/connection-pool.ts'

/**
 * The bounds of the pool, always said, so that they are those of the reference and not those of an Envoy version.
 * Envoy docs: intro/arch_overview/upstream/circuit_breaking.
 */
export function circuitBreakers(pool: EffectiveConnectionPool): Message {
  return {
    thresholds: [
      {
        max_connections: wrap(pool.maxConnections),
        max_pending_requests: wrap(pool.maxPendingRequests),
        max_requests: wrap(pool.maxRequests),
        max_retries: wrap(pool.maxRetries),
        // How much is left of each is a gauge then.
        track_remaining: true,
      },
    ],
  }
}
