import { duration, wrap } from '../../envoy-api/build.ts'
import { otherHosts } from '../../envoy-api/other-hosts.ts'
import type { Message } from '../../envoy-api/types.ts'
import { milliseconds } from '../../model/duration.ts'
import type { EffectiveRetry } from '../../model/retry.ts'

/** Envoy writes its words with hyphens; it ignores those that it does not know. */
const token = (word: string) => word.replaceAll('_', '-')

/** How a request is tried again, and beside itself: the `retry_policy` and `hedge_policy` of a route. */
export function retrying(retry: EffectiveRetry, timeout: string | undefined): Message {
  return {
    retry_policy: retryPolicy(retry, timeout),
    ...(retry.hedgeOnPerTryTimeout && { hedge_policy: { hedge_on_per_try_timeout: true } }),
  }
}

function retryPolicy(retry: EffectiveRetry, timeout: string | undefined): Message {
  const { attempts, on, statusCodes, perTryTimeout, perTryIdleTimeout, backoff } = retry
  return {
    retry_on: on.map(token).join(','),
    num_retries: wrap(attempts),
    ...(perTryTimeout !== undefined && { per_try_timeout: duration(milliseconds(perTryTimeout)) }),
    ...(perTryIdleTimeout !== undefined && {
      per_try_idle_timeout: duration(milliseconds(perTryIdleTimeout)),
    }),
    ...(statusCodes !== undefined && { retriable_status_codes: statusCodes }),
    ...(retry.hostSelectionRetryMaxAttempts > 0 && otherHosts(retry.hostSelectionRetryMaxAttempts)),
    retry_back_off: {
      base_interval: duration(milliseconds(backoff.baseInterval)),
      ...(backoff.maxInterval !== undefined && { max_interval: duration(milliseconds(backoff.maxInterval)) }),
    },
    ...rateLimitedBackOff(retry, timeout),
  }
}

/**
 * A wait that outlasts the request would turn the failure, which says when to come again, into a bare 504. Envoy adds up
 * to half of the wait by chance (Envoy docs: RetryPolicy.RateLimitedRetryBackOff).
 */
function rateLimitedBackOff({ retryAfter }: EffectiveRetry, timeout: string | undefined): Message {
  const { resetHeaders, maxInterval } = retryAfter
  if (resetHeaders.length === 0) return {}
  const whole = timeout === undefined ? 0 : milliseconds(timeout)
  const longest = milliseconds(maxInterval)
  const kept = whole === 0 ? longest : Math.min(longest, Math.max(1, Math.floor(whole / 1.5)))
  return {
    rate_limited_retry_back_off: {
      reset_headers: resetHeaders.map(({ name, format }) => ({ name, format: format.toUpperCase() })),
      max_interval: duration(kept),
    },
  }
}
