import { bounds } from './bounds.ts'

/**
 * What is read of each cluster, by what stands after its name in Envoy's (Envoy docs:
 * configuration/upstream/cluster_manager/cluster_stats).
 */
export const clusterGauges = [
  'membership_total',
  'membership_healthy',
  'membership_degraded',
  'membership_excluded',
  'health_check.healthy',
  'outlier_detection.ejections_active',
  'upstream_rq_active',
  'upstream_rq_pending_active',
  'circuit_breakers.default.cx_open',
  'circuit_breakers.default.rq_open',
  'circuit_breakers.default.rq_pending_open',
  'circuit_breakers.default.rq_retry_open',
] as const

export const clusterCounts = [
  'health_check.attempt',
  'health_check.failure',
  'lb_healthy_panic',
  'outlier_detection.ejections_enforced_total',
  'upstream_cx_overflow',
  'upstream_rq_pending_overflow',
  'upstream_rq_retry_overflow',
] as const

export type Gauges = Partial<Record<(typeof clusterGauges)[number], number>>
export type Counts = Partial<Record<(typeof clusterCounts)[number], number>>

/** Both together. */
export function addedCounts(some: Counts, more: Counts): Counts {
  const sum: Counts = { ...some }
  for (const name of clusterCounts) {
    const value = more[name]
    if (value !== undefined) sum[name] = (sum[name] ?? 0) + value
  }
  return sum
}

/** What an Envoy says of one cluster. */
export interface ClusterStats {
  readonly gauges: Gauges
  /** How often since it last said so. */
  readonly counts: Counts
  /** Whether each of its endpoints gets requests, where the cluster has Envoy tell so, by address. */
  readonly endpoints: Map<string, boolean>
}

/** As Envoy writes an address of IP: `10.0.0.7:8080`, `[::1]:8080`. */
const addressPattern = /^[0-9a-f.:[\]]{2,64}:\d{1,5}$/

/** Of endpoints; added by Envoy for each of them. */
const endpointHealth = 'cluster.endpoint.healthy'

/** The clusters of one message, in bounded number; what is beyond is passed over. */
export class ClusterStatsReader {
  readonly clusters = new Map<string, ClusterStats>()
  #endpoints = 0

  /** Who takes the points of that metric; nothing where it is none of a cluster. */
  taker(metric: string): ((tags: ReadonlyMap<string, string>, value: number) => void) | undefined {
    if (!metric.startsWith('cluster.')) return undefined
    if (metric === endpointHealth) return (tags, value) => this.#addEndpoint(tags, value)
    const gauge = clusterGauges.find((name) => metric.endsWith(`.${name}`))
    const count = clusterCounts.find((name) => metric.endsWith(`.${name}`))
    const stat = gauge ?? count
    if (stat === undefined) return undefined
    // Envoy takes what stands before the first dot for the cluster's name; the rest of it is here.
    const rest = metric.slice('cluster.'.length, -stat.length)
    return (tags, value) => {
      const cluster = this.#of(nameOf(tags, rest))
      if (cluster === undefined) return
      if (gauge !== undefined) cluster.gauges[gauge] = value
      else if (count !== undefined) cluster.counts[count] = (cluster.counts[count] ?? 0) + value
    }
  }

  #addEndpoint(tags: ReadonlyMap<string, string>, value: number): void {
    const address = tags.get('envoy.endpoint_address')
    const cluster = this.#of(tags.get('envoy.cluster_name') ?? '')
    if (address === undefined || cluster === undefined || this.#endpoints >= bounds.endpointsTold) return
    if (!addressPattern.test(address)) return
    this.#endpoints++
    cluster.endpoints.set(address, value > 0)
  }

  #of(name: string): ClusterStats | undefined {
    const known = this.clusters.get(name)
    if (known !== undefined) return known
    if (name === '' || name.length > bounds.nameLength || this.clusters.size >= bounds.clustersTold)
      return undefined
    const cluster = { gauges: {}, counts: {}, endpoints: new Map() }
    this.clusters.set(name, cluster)
    return cluster
  }
}

function nameOf(tags: ReadonlyMap<string, string>, rest: string): string {
  const first = tags.get('envoy.cluster_name') ?? ''
  return rest === '' ? first : `${first}.${rest.slice(0, -1)}`
}
