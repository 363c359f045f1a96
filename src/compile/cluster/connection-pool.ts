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
        ...retries(pool),
        // How much is left of each is a gauge then.
        track_remaining: true,
      },
    ],
  }
}

function retries({ maxRetries, retryBudget }: EffectiveConnectionPool): Message {
  if (retryBudget === undefined) return { max_retries: wrap(maxRetries!) }
  return {
    retry_budget: {
      budget_percent: { value: retryBudget.budgetPercent },
      min_retry_concurrency: wrap(retryBudget.minRetryConcurrency),
    },
  }
}
