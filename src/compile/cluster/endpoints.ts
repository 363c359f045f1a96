import { socketAddress, wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { EffectiveEndpoint } from '../../model/endpoint.ts'

/**
 * Endpoints as Envoy wants them, grouped by priority and locality (Envoy docs: ClusterLoadAssignment). Localities are
 * not weighted against each other, so that an endpoint's share is its own weight whatever its locality.
 */
export function assignment(
  name: string,
  endpoints: readonly EffectiveEndpoint[],
  overprovisioningFactor: number,
): Message {
  const priorities = dense(endpoints)
  const groups = Map.groupBy(endpoints, ({ priority, locality: place = {} }) =>
    JSON.stringify([priority, place.region ?? '', place.zone ?? '', place.subZone ?? '']),
  )
  return {
    cluster_name: name,
    endpoints: [...groups.values()].map((group) => ({
      ...locality(group[0]!),
      priority: priorities.get(group[0]!.priority)!,
      load_balancing_weight: wrap(group.reduce((sum, { weight }) => sum + weight, 0)),
      lb_endpoints: group.map(lbEndpoint),
    })),
    policy: { overprovisioning_factor: wrap(overprovisioningFactor) },
  }
}

/** Envoy refuses gaps, which are fine for people: 0, 10, 20 become 0, 1, 2. */
function dense(endpoints: readonly EffectiveEndpoint[]): Map<number, number> {
  const written = [...new Set(endpoints.map(({ priority }) => priority))].sort((a, b) => a - b)
  return new Map(written.map((priority, index) => [priority, index]))
}

function locality({ locality }: EffectiveEndpoint): Message {
  if (locality === undefined) return {}
  const { region = '', zone = '', subZone = '' } = locality
  return { locality: { region, zone, sub_zone: subZone } }
}

function lbEndpoint({ address, port, weight, draining }: EffectiveEndpoint): Message {
  return {
    endpoint: { address: socketAddress(address, port) },
    load_balancing_weight: wrap(weight),
    ...(draining ? { health_status: 'DRAINING' } : {}),
  }
}
