import { xdsCluster } from '../model/service-clusters.ts'

/**
 * Sends weir what the gate of a rollout looks at: requests by class of their status, and how long they took. Envoy's own
 * `metrics_service` has no choice but to send every stat of every cluster, 2 MB a flush with 1,000 of them; this is some
 * hundred bytes, and nothing where there was no request. Envoy docs: extensions/stat_sinks/open_telemetry/v3.
 */
export function statsSink(node: { id: string; gateway: string; labels: Record<string, string> }): object {
  const { id, gateway, labels } = node
  const attributes = { 'weir.node': id, 'weir.gateway': gateway, 'weir.labels': JSON.stringify(labels) }
  const wanted = { google_re2: {}, regex: 'http\\..*\\.downstream_rq_([1-5]xx|time)' }
  return {
    name: 'envoy.stat_sinks.open_telemetry',
    typed_config: {
      '@type': `${extensions}.stat_sinks.open_telemetry.v3.SinkConfig`,
      grpc_service: { envoy_grpc: { cluster_name: xdsCluster } },
      report_counters_as_deltas: true,
      report_histograms_as_deltas: true,
      resource_detectors: [
        {
          name: 'envoy.tracers.opentelemetry.resource_detectors.static_config',
          typed_config: {
            '@type': `${extensions}.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig`,
            attributes,
          },
        },
      ],
      // The first is cheap, and does for all but a few.
      custom_metric_conversions: {
        matcher_list: { matchers: [unless({ prefix: 'http.' }), unless({ safe_regex: wanted })] },
      },
    },
  }
}

const extensions = 'type.googleapis.com/envoy.extensions'

/** Drops the stats whose names do not match. */
function unless(value_match: object): object {
  const input = {
    name: 'stat_full_name_match_input',
    typed_config: { '@type': `${extensions}.matching.common_inputs.stats.v3.StatFullNameMatchInput` },
  }
  const typed_config = { '@type': `${extensions}.stat_sinks.open_telemetry.v3.SinkConfig.DropAction` }
  return {
    predicate: { not_matcher: { single_predicate: { input, value_match } } },
    on_match: { action: { name: 'drop', typed_config } },
  }
}
