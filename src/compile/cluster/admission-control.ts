import { any, duration } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { EffectiveAdmissionControl } from '../../model/admission-control.ts'
import { milliseconds } from '../../model/duration.ts'

const codec = 'envoy.filters.http.upstream_codec'

/**
 * `HttpProtocolOptions.http_filters` of a cluster: with the cluster, so that one service in trouble is no reason to refuse
 * requests to others, as one filter of the listener for all of them would. Each attempt of a request passes them.
 */
export function upstreamFilters(spec: EffectiveAdmissionControl | undefined): Message {
  if (spec === undefined) return {}
  return {
    http_filters: [
      { name: 'envoy.filters.http.admission_control', typed_config: admissionControl(spec) },
      { name: codec, typed_config: any('envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec', {}) },
    ],
  }
}

/** Everything is said, since a value that Envoy may change at runtime needs a key. */
function admissionControl(spec: EffectiveAdmissionControl): Message {
  const runtime = (name: string, default_value: unknown) => ({
    default_value,
    runtime_key: `weir.admission_control.${name}`,
  })
  return any('envoy.extensions.filters.http.admission_control.v3.AdmissionControl', {
    // Statuses below 500, and Envoy's own choice for gRPC.
    success_criteria: { http_criteria: { http_success_status: [{ start: 100, end: 500 }] } },
    sampling_window: duration(milliseconds(spec.window)),
    aggression: runtime('aggression', spec.aggression),
    sr_threshold: runtime('success_rate', { value: spec.successRate }),
    rps_threshold: runtime('requests_per_second', spec.minRequestsPerSecond),
    max_rejection_probability: runtime('rejection', { value: spec.maxRejection }),
  })
}
