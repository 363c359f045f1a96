import { askAdmin } from './envoy-admin.ts'

/** Numbers of one cluster's endpoints, as an Envoy counts them. */
interface Membership {
  healthy: number
  degraded: number
  excluded: number
  total: number
}

/** Whether so many endpoints are a panic; see `model/panic.ts`. */
type IsInPanic = (
  hosts: Membership,
  bounds: { panicThreshold: number; overprovisioningFactor: number | undefined },
) => boolean

/**
 * The clusters of an Envoy whose requests go to failing endpoints, too, since too few are healthy, by name. What Envoy
 * says of itself: it counted such requests (`lb_healthy_panic`), and the share of healthy endpoints, over all
 * priorities, is still below the cluster's threshold. `undefined` where the admin interface does not answer.
 */
export async function clustersInPanic(
  adminPort: number,
  isInPanic: IsInPanic,
): Promise<string[] | undefined> {
  try {
    const counted = statsOf(await askAdmin(adminPort, stats('lb_healthy_panic', 'usedonly&')))
    if (counted.size === 0) return []
    const members = statsOf(await askAdmin(adminPort, stats('membership_(healthy|degraded|excluded|total)')))
    const thresholds = thresholdsOf(await askAdmin(adminPort, thresholdsPath))
    const factors = factorsOf(await askAdmin(adminPort, factorsPath))
    const isPanicking = (name: string) => {
      const hosts = members.get(name) as Membership | undefined
      const panicThreshold = thresholds.get(name) ?? 0
      const overprovisioningFactor = factors.get(name)
      return hosts !== undefined && isInPanic(hosts, { panicThreshold, overprovisioningFactor })
    }
    return [...counted.keys()].filter(isPanicking).sort()
  } catch {
    return undefined
  }
}

function stats(name: string, options = ''): string {
  return `/stats?${options}filter=${encodeURIComponent(`^cluster\\..+\\.${name}$`)}`
}

/** By cluster, the last part of each stat's name without its prefix, and its value. */
function statsOf(text: string): Map<string, Record<string, number>> {
  const found = new Map<string, Record<string, number>>()
  for (const [, name, stat, value] of text.matchAll(/^cluster\.(.+)\.(?:membership_)?(\w+): (\d+)$/gm)) {
    found.set(name!, { ...found.get(name!), [stat!]: Number(value) })
  }
  return found
}

const thresholdsPath =
  '/config_dump?resource=dynamic_active_clusters&mask=cluster.name,cluster.common_lb_config.healthy_panic_threshold'

interface Dumped {
  cluster: { name: string; common_lb_config?: { healthy_panic_threshold?: { value?: number } } }
}

function thresholdsOf(text: string): Map<string, number> {
  const { configs = [] } = JSON.parse(text) as { configs?: Dumped[] }
  return new Map(
    configs.map(({ cluster }) => [
      cluster.name,
      cluster.common_lb_config?.healthy_panic_threshold?.value ?? 0,
    ]),
  )
}

/** Of clusters by name, too: Envoy dumps the endpoints of all that came to it, and nothing of them but this is needed. */
const factorsPath =
  '/config_dump?include_eds&resource=dynamic_endpoint_configs&mask=endpoint_config.cluster_name,endpoint_config.policy'

interface DumpedEndpoints {
  endpoint_config: { cluster_name: string; policy?: { overprovisioning_factor?: number } }
}

function factorsOf(text: string): Map<string, number | undefined> {
  const { configs = [] } = JSON.parse(text) as { configs?: DumpedEndpoints[] }
  return new Map(
    configs.map(({ endpoint_config: { cluster_name, policy } }) => [
      cluster_name,
      policy?.overprovisioning_factor,
    ]),
  )
}
