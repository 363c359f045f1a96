import { any } from './build.ts'
import type { Message } from './types.ts'

/**
 * Of a retry policy: a retry goes to an endpoint that was not tried yet, if one turns up in so many picks (Envoy docs:
 * RetryPolicy).
 */
export function otherHosts(maxAttempts: number): Message {
  return {
    retry_host_predicate: [
      {
        name: 'envoy.retry_host_predicates.previous_hosts',
        typed_config: any('envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate', {}),
      },
    ],
    host_selection_retry_max_attempts: maxAttempts,
  }
}
