import { any, duration, newer, typedStruct, wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import { milliseconds } from '../../model/duration.ts'
import type { EffectiveLoadBalancing } from '../../model/load-balancing.ts'
import { hashPolicy } from '../hash-policy.ts'

const protoNames = {
  round_robin: 'RoundRobin',
  least_request: 'LeastRequest',
  random: 'Random',
  ring_hash: 'RingHash',
  maglev: 'Maglev',
}

/** How an endpoint is picked. Envoy docs: intro/arch_overview/upstream/load_balancing/load_balancers. */
export function loadBalancingPolicy(spec: EffectiveLoadBalancing): Message {
  const { policy } = spec
  const typeName = `envoy.extensions.load_balancing_policies.${policy}.v3.${protoNames[policy]}`
  const typed_config =
    policy === 'ring_hash' || policy === 'maglev'
      ? // The hash lives with the cluster, by a field that is newer than the loaded protos.
        typedStruct(typeName, {
          consistent_hashing_lb_config: { hash_policy: (spec.hash ?? []).map(hashPolicy) },
        })
      : any(typeName, { ...slowStart(spec), ...leastRequest(spec), ...zoneAware(spec) })
  const name = `envoy.load_balancing_policies.${policy}`
  return { policies: [{ typed_extension_config: { name, typed_config } }] }
}

function slowStart({ slowStart }: EffectiveLoadBalancing): Message {
  if (slowStart === undefined) return {}
  return { slow_start_config: { slow_start_window: duration(milliseconds(slowStart)) } }
}

function leastRequest({ policy, choiceCount = 2, selectionMethod }: EffectiveLoadBalancing): Message {
  if (policy !== 'least_request') return {}
  if (selectionMethod === 'full_scan') return { selection_method: 'FULL_SCAN' }
  return { choice_count: wrap(choiceCount) }
}

/**
 * By `force_local_zone`, which asks nothing of where the other Envoys of the gateway are: Envoy's own way would need all of
 * their zones, and endpoints in proportion. An Envoy without a zone, or with too few endpoints in it, spreads requests over
 * all. Envoy docs: intro/arch_overview/upstream/load_balancing/zone_aware.
 */
function zoneAware({ zoneAware }: EffectiveLoadBalancing): Message {
  if (zoneAware === undefined) return {}
  const { minLocalEndpoints } = zoneAware
  const forced = newer(commonPackage, { force_local_zone: { min_size: wrap(minLocalEndpoints ?? 1) } })
  return { locality_lb_config: { zone_aware_lb_config: { min_cluster_size: wrap(1), ...forced } } }
}

const commonPackage = 'envoy.extensions.load_balancing_policies.common.v3'
