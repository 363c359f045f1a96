import { duration, fromAds, socketAddress, wrap } from '../envoy-api/build.ts'
import type { Message } from '../envoy-api/types.ts'
import { ClusterSpec, type EffectiveCluster } from '../model/cluster.ts'
import { milliseconds } from '../model/duration.ts'
import { failsClosed } from '../model/pending.ts'

/** Those that hash are to come together with what they hash: without it Envoy would pick at random. */
const lbPolicies: Record<string, string> = {
  round_robin: 'ROUND_ROBIN',
  least_request: 'LEAST_REQUEST',
  random: 'RANDOM',
}

/** A cluster whose endpoints come by EDS under its own name, so that their changes never touch it. */
export function cluster(name: string, spec: EffectiveCluster): Message {
  return {
    name,
    type: 'EDS',
    eds_cluster_config: { eds_config: fromAds() },
    connect_timeout: duration(milliseconds(spec.connectTimeout)),
    lb_policy: lbPolicies[spec.loadBalancing.policy!] ?? 'ROUND_ROBIN',
    // Envoy's default of 1 s holds back changes of health and weight.
    common_lb_config: { update_merge_window: duration(0) },
  }
}

/**
 * The endpoints of a cluster, in the order of the document. A cluster that needs what is not delivered yet, such as TLS,
 * has none: its requests get a 503 instead of going out in clear.
 */
export function endpoints(name: string, spec: EffectiveCluster): Message {
  const served = failsClosed(ClusterSpec, spec) ? [] : (spec.endpoints ?? [])
  const lbEndpoints = served.map(({ address, port }) => ({
    endpoint: { address: socketAddress(address, port) },
  }))
  return { cluster_name: name, endpoints: [{ load_balancing_weight: wrap(1), lb_endpoints: lbEndpoints }] }
}
