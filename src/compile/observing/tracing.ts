import { any, duration, newer, wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { Tracing } from '../../model/tracing.ts'
import { denial } from './denial.ts'
import { exporter } from './exporter.ts'
import type { ObservedPlace } from './observing.ts'

const managerPackage = 'envoy.extensions.filters.network.http_connection_manager.v3'
const tagPackage = 'envoy.type.tracing.v3'
const otlpName = 'envoy.tracers.opentelemetry'
const tracers = 'envoy.config.trace.v3'

/** `HttpConnectionManager.Tracing`; Envoy docs: intro/arch_overview/observability/tracing. */
export function tracing({ provider, collector, sample = 100 }: Tracing, place: ObservedPlace): Message {
  return {
    // The OpenTelemetry tracer has a sampler that decides.
    random_sampling: { value: provider === 'otlp' ? 100 : sample },
    // A header of the client's would trace what `sample` leaves out.
    client_sampling: { value: 0 },
    // The request to the upstream is a span of its own, and the next tier's is below it.
    spawn_upstream_span: wrap(true),
    ...newer(managerPackage, {
      operation: '%REQ(:METHOD)% %ROUTE_NAME%',
      upstream_operation: '%REQ(:METHOD)% %UPSTREAM_CLUSTER%',
    }),
    custom_tags: Object.entries(tags(place)).map(([tag, value]) => ({
      tag,
      ...newer(tagPackage, { value }),
    })),
    provider: provider === 'otlp' ? otlp(collector, sample, place) : zipkin(collector),
  }
}

/** By name, in Envoy's substitution formats; one whose value is empty is left out. */
function tags({ gateway, listener }: ObservedPlace): Record<string, string> {
  return {
    // Takes the place of Envoy's own, which has the query in it, and with that any credential in it.
    'http.url': '%REQ(:SCHEME)%://%REQ(:AUTHORITY)%%PATH(NQ:ORIG_OR_PATH):256%',
    gateway,
    listener,
    route: '%ROUTE_NAME%',
    cluster: '%UPSTREAM_CLUSTER%',
    'denied.policy': denial.policy,
    'denied.plan': denial.plan,
    'denied.limit': denial.limit,
  }
}

function otlp(collector: string, sample: number, { gateway, callers, speaksHttp2 }: ObservedPlace): Message {
  const ratio = sampler('trace_id_ratio_based', 'TraceIdRatioBasedSamplerConfig', {
    sampling_percentage: { numerator: Math.round(sample * 10_000), denominator: 'MILLION' },
  })
  return {
    name: otlpName,
    typed_config: any(`${tracers}.OpenTelemetryConfig`, {
      service_name: gateway,
      ...exporter(collector, {
        speaksHttp2: speaksHttp2(collector),
        path: '/v1/traces',
        timeout: duration(1_000),
      }),
      sampler:
        callers === 'gateways'
          ? sampler('parent_based', 'ParentBasedSamplerConfig', { wrapped_sampler: ratio })
          : ratio,
    }),
  }
}

/** Without one the tracer would do as the caller's header says. */
function sampler(name: string, type: string, config: Message): Message {
  const typed_config = any(`envoy.extensions.tracers.opentelemetry.samplers.v3.${type}`, config)
  return { name: `${otlpName}.samplers.${name}`, typed_config }
}

/** The service is named by the Envoy's bootstrap: its node's cluster, which is the gateway. */
function zipkin(collector: string): Message {
  return {
    name: 'envoy.tracers.zipkin',
    typed_config: any(`${tracers}.ZipkinConfig`, {
      collector_cluster: collector,
      collector_endpoint: '/api/v2/spans',
      collector_endpoint_version: 'HTTP_JSON',
      trace_id_128bit: true,
      // Two processes do not share a span, as in W3C traces.
      shared_span_context: wrap(false),
      ...newer(tracers, { trace_context_option: 'USE_B3_WITH_W3C_PROPAGATION' }),
    }),
  }
}
