import type { RedisOptions } from 'ioredis'

/** The longest that a Sentinel is waited for, in milliseconds. */
export const sentinelTimeout = 2_000

/** Between attempts to connect again, in milliseconds. */
const longestWait = 1_000

/** Soon at first, then less often; not all replicas at once. */
export function reconnectAfter(times: number): number {
  return Math.min(50 * 2 ** (times - 1), longestWait) * (0.75 + Math.random() / 4)
}

/**
 * Of all connections. A call fails as soon as it cannot be made or its connection is gone: whether it is asked again, and
 * who decides meanwhile, is the ladder's matter; one that was sent once is never sent again. A silent one ends: `endSilence`.
 */
export const clientOptions = {
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  retryStrategy: reconnectAfter,
  connectTimeout: 1_000,
  keepAlive: 10_000,
  maxLoadingRetryTime: 500,
  connectionName: 'weir',
} satisfies RedisOptions
