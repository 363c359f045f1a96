import { xdsCluster } from '../model/service-clusters.ts'

/** Of what an Envoy tells weir: of its clusters and their endpoints, of its clusters alone, or of neither. */
export const toldHealth = ['endpoints', 'clusters', 'none'] as const
export type ToldHealth = (typeof toldHealth)[number]

/** What a cluster says of itself; what it costs is in docs/health.md. */
const clusterStats = [
  'membership_(total|healthy|degraded|excluded)',
  'health_check\\.(healthy|attempt|failure)',
  'outlier_detection\\.ejections_(active|enforced_total)',
  'lb_healthy_panic',
  'upstream_cx_overflow',
  'upstream_rq_(active|pending_active|pending_overflow|retry_overflow)',
  'circuit_breakers\\.default\\.(cx|rq|rq_pending|rq_retry)_open',
]

/**
 * Sends weir what the gate of a rollout looks at, requests by class of their status and how long they took, and how its
 * clusters are. Envoy's own `metrics_service` has no choice but to send every stat of every cluster, 2 MB a flush with
 * 1,000 of them. Envoy docs: extensions/stat_sinks/open_telemetry/v3.
 */
export function statsSink(node: {
  id: string
  gateway: string
  labels: Record<string, string>
  health: ToldHealth
}): object {
  const { id, gateway, labels, health } = node
  const attributes = { 'weir.node': id, 'weir.gateway': gateway, 'weir.labels': JSON.stringify(labels) }
  const wanted = [
    'http\\..*\\.downstream_rq_([1-5]xx|time)',
    ...(health === 'none' ? [] : [`cluster\\..*\\.(${clusterStats.join('|')})`]),
    ...(health === 'endpoints' ? ['cluster\\..*\\.endpoint\\..*\\.healthy'] : []),
  ]
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
      custom_metric_conversions: {
        matcher_list: {
          matchers: [
            // It is cheap, and does for all but a few where nothing of clusters is told.
            ...(health === 'none' ? [unless({ prefix: 'http.' })] : []),
            unless({ safe_regex: { google_re2: {}, regex: wanted.join('|') } }),
          ],
        },
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
