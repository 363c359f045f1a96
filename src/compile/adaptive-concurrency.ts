import { any, duration, newer, wrap } from '../envoy-api/build.ts'
import type { Message } from '../envoy-api/types.ts'
import type { EffectiveAdaptiveConcurrency } from '../model/adaptive-concurrency.ts'
import { milliseconds } from '../model/duration.ts'
import type { EffectiveGateway } from '../model/gateway.ts'
import type { EffectiveRoute } from '../model/route-spec.ts'
import type { HttpFilter } from '../policies/policy-kind.ts'

const packageName = 'envoy.extensions.filters.http.adaptive_concurrency.v3'
const filterName = 'envoy.filters.http.adaptive_concurrency'

/**
 * Envoy has no settings of it per route, and one controller for all that a filter sees: its numbers are the gateway's, and
 * it is off but for routes that ask for it. Behind waits of the gateway's own, which are no latency of a service, and before
 * the breaker, which would take its refusals for failures.
 */
export function concurrencyFilter({ adaptiveConcurrency }: EffectiveGateway): HttpFilter[] {
  if (adaptiveConcurrency === undefined) return []
  const config = controller(adaptiveConcurrency as EffectiveAdaptiveConcurrency)
  return [{ phase: 'concurrency', name: filterName, config, disabled: true }]
}

/** What a route says by which the filter is on for it (Envoy docs: config.route.v3.FilterConfig). */
export function concurrencyOf(route: EffectiveRoute, gateway: EffectiveGateway): Record<string, Message> {
  if (route.adaptiveConcurrency !== true || gateway.adaptiveConcurrency === undefined) return {}
  return { [filterName]: any('envoy.config.route.v3.FilterConfig', { config: {} }) }
}

function controller(spec: EffectiveAdaptiveConcurrency): Message {
  const { minRtt, minRttInterval } = spec
  const measured = { interval: duration(milliseconds(minRttInterval)) }
  return any('envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency', {
    gradient_controller_config: {
      sample_aggregate_percentile: { value: spec.percentile },
      concurrency_limit_params: {
        max_concurrency_limit: wrap(spec.maxConcurrency),
        concurrency_update_interval: duration(milliseconds(spec.updateInterval)),
      },
      min_rtt_calc_params: {
        ...(minRtt === undefined
          ? measured
          : newer(packageName, { fixed_value: duration(milliseconds(minRtt)) })),
        request_count: wrap(spec.minRttRequests),
        jitter: { value: spec.jitter },
        min_concurrency: wrap(spec.minConcurrency),
        buffer: { value: spec.buffer },
      },
    },
  })
}
