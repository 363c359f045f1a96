import { isIP } from 'node:net'
import { any, duration, fromAds, wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { EffectiveCluster } from '../../model/cluster.ts'
import { milliseconds } from '../../model/duration.ts'
import type { EffectiveEndpoint } from '../../model/endpoint.ts'
import { outlierDetection } from '../../policies/outlier-detection/compile.ts'
import type { EffectiveOutlierDetection } from '../../policies/outlier-detection/schema.ts'
import { upstreamTls } from '../tls/upstream.ts'
import { circuitBreakers } from './connection-pool.ts'
import { assignment } from './endpoints.ts'
import { healthChecks } from './health-check.ts'
import { loadBalancingPolicy } from './load-balancing.ts'
import { protocolOptions } from './protocol.ts'

/** What Envoy gets of a cluster: one that knows its endpoints' names brings them, and has no `endpoints` of its own. */
export interface ClusterMessages {
  cluster: Message
  endpoints?: Message
}

/** Of more endpoints an Envoy does not tell one by one: each is some hundred bytes every 2 s. */
const toldEndpoints = 1_000

/** A cluster by the name of its row, with the policy by which failing endpoints are left alone and what serves it. */
export function clusterMessages(
  name: string,
  spec: EffectiveCluster,
  policy: EffectiveOutlierDetection | undefined,
  endpoints: readonly EffectiveEndpoint[],
): ClusterMessages {
  const load = assignment(name, endpoints, spec.loadBalancing.overprovisioningFactor)
  const rest = {
    name,
    connect_timeout: duration(milliseconds(spec.connectTimeout)),
    // As for listeners (Envoy docs: configuration/best_practices/edge).
    per_connection_buffer_limit_bytes: wrap(32_768),
    load_balancing_policy: loadBalancingPolicy(spec.loadBalancing),
    common_lb_config: {
      // Envoy's own 50% would send requests to endpoints that fail their checks; off unless it is asked for.
      healthy_panic_threshold: { value: spec.loadBalancing.panicThreshold ?? policy?.panicThreshold ?? 0 },
      // Envoy's default of 1 s holds back changes of health and weight.
      update_merge_window: duration(0),
    },
    circuit_breakers: circuitBreakers(spec.connectionPool),
    ...(endpoints.length <= toldEndpoints && { track_cluster_stats: { per_endpoint_stats: true } }),
    ...protocolOptions(spec),
    ...upstreamTls(spec),
    ...healthChecks(spec),
    ...(policy === undefined ? {} : outlierDetection(policy)),
  }
  if (endpoints.every(({ address }) => isIP(address) !== 0)) {
    const cluster = { ...rest, type: 'EDS', eds_cluster_config: { eds_config: fromAds() } }
    return { cluster, endpoints: load }
  }
  return { cluster: { ...rest, ...dns, load_assignment: load } }
}

/**
 * Every address of a name is an endpoint. Envoy docs: intro/arch_overview/upstream/service_discovery, "Strict DNS", in
 * its newer form (envoy.clusters.dns).
 */
const dns = {
  cluster_type: {
    name: 'envoy.cluster.dns',
    typed_config: any('envoy.extensions.clusters.dns.v3.DnsCluster', {
      // Envoy's default asks for IPv6 first, and `localhost` would be ::1, where few services listen.
      dns_lookup_family: 'V4_PREFERRED',
      respect_dns_ttl: true,
      dns_min_refresh_rate: duration(1_000),
      // For answers without a time to live, such as those from a hosts file.
      dns_refresh_rate: duration(5_000),
      // A name that does not resolve is asked again soon, and less often as it goes on.
      dns_failure_refresh_rate: { base_interval: duration(1_000), max_interval: duration(10_000) },
    }),
  },
}
