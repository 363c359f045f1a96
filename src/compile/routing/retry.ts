import { any, duration, wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import { milliseconds } from '../../model/duration.ts'
import type { Retry } from '../../model/route-policies.ts'

/** Envoy writes its words with hyphens; it ignores those that it does not know. */
const token = (word: string) => word.replaceAll('_', '-')

/** A retry goes to an endpoint that was not tried yet, if one turns up in a few picks (Envoy docs: RetryPolicy). */
export function retryPolicy({ attempts, on, statusCodes, perTryTimeout }: Retry): Message {
  return {
    retry_on: on.map(token).join(','),
    num_retries: wrap(attempts),
    ...(perTryTimeout !== undefined && { per_try_timeout: duration(milliseconds(perTryTimeout)) }),
    ...(statusCodes !== undefined && { retriable_status_codes: statusCodes }),
    retry_host_predicate: [
      {
        name: 'envoy.retry_host_predicates.previous_hosts',
        typed_config: any('envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate', {}),
      },
    ],
    host_selection_retry_max_attempts: 5,
  }
}
