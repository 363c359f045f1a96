import { any, newer } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import { delayHeader, domainOf } from '../../model/descriptor.ts'
import type { GatewayContext, HttpFilter } from '../policy-kind.ts'
import { serviceQuestion } from '../service-question.ts'

const filterPackage = 'envoy.extensions.filters.http.ratelimit.v3'

/** Where Envoy keeps what the rate-limit service says of a denial besides the answer: `status`, and for the log whose. */
export const metadataNamespace = 'weir.limits'

/** The stages of Envoy's rate-limit filters that the stages of a policy are. */
export const stages = { before_auth: 1, after_auth: 0 } as const

/** What the fault filter takes from whoever writes it, delays and all else (Envoy docs: fault_filter). */
export const faultHeaders: readonly string[] = [
  delayHeader,
  'x-envoy-fault-delay-request-percentage',
  'x-envoy-fault-abort-request',
  'x-envoy-fault-abort-request-percentage',
  'x-envoy-fault-abort-grpc-request',
  'x-envoy-fault-throughput-response',
  'x-envoy-fault-throughput-response-percentage',
]

/** What the service writes for the fault filter, and the fault filter leaves. */
export const delayHeaders: readonly string[] = [delayHeader]

/**
 * Two instances of Envoy's rate-limit filter, which ask the service once a stage and request, and the filter that keeps
 * a request of a leaky bucket waiting. Envoy docs: configuration/http/http_filters/rate_limit_filter, fault_filter.
 */
export function filters(gateway: GatewayContext): HttpFilter[] {
  return [
    {
      phase: 'limits_before_auth',
      name: 'weir.limits_before_auth',
      config: rateLimitFilter(gateway, stages.before_auth),
    },
    {
      phase: 'limits',
      name: 'envoy.filters.http.ratelimit',
      config: rateLimitFilter(gateway, stages.after_auth),
    },
    { phase: 'delay', name: 'envoy.filters.http.fault', config: delayFilter() },
  ]
}

function rateLimitFilter({ name, spec }: GatewayContext, stage: number): Message {
  return any(`${filterPackage}.RateLimit`, {
    domain: domainOf(name),
    stage,
    ...serviceQuestion(spec),
    failure_mode_deny: spec.rateLimitService.onUnavailable === 'deny',
    // A gRPC client gets this whatever status the policy has for others; its body becomes the grpc-message.
    rate_limited_as_resource_exhausted: true,
    ...newer(filterPackage, { metadata_namespace: metadataNamespace }),
  })
}

/**
 * The service says by a header for how many milliseconds. `max_active_faults` stays unset: above it requests would pass
 * undelayed, and the queue is bounded where it is counted.
 */
function delayFilter(): Message {
  return any('envoy.extensions.filters.http.fault.v3.HTTPFault', {
    delay: { header_delay: {}, percentage: { numerator: 100 } },
    // Named by a client's header, these would be as many as clients like.
    disable_downstream_cluster_stats: true,
  })
}
