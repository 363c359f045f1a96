import { askAdmin } from './envoy-admin.ts'

/** Numbers of one cluster's endpoints, as an Envoy counts them. */
interface Membership {
  healthy: number
  degraded: number
  excluded: number
  total: number
}

/** Envoy takes a share of 100/1.4 percent for enough for all requests, and panics never above it. */
const overprovisioning = 1.4

/**
 * The clusters of an Envoy whose requests go to failing endpoints, too, since too few are healthy, by name. What Envoy
 * says of itself: it counted such requests (`lb_healthy_panic`), and the share of healthy endpoints, over all
 * priorities, is still below the cluster's threshold. `undefined` where the admin interface does not answer.
 */
export async function clustersInPanic(adminPort: number): Promise<string[] | undefined> {
  try {
    const counted = statsOf(await askAdmin(adminPort, stats('lb_healthy_panic', 'usedonly&')))
    if (counted.size === 0) return []
    const members = statsOf(await askAdmin(adminPort, stats('membership_(healthy|degraded|excluded|total)')))
    const thresholds = thresholdsOf(await askAdmin(adminPort, thresholdsPath))
    return [...counted.keys()]
      .filter((name) => isInPanic(members.get(name) as Membership | undefined, thresholds.get(name) ?? 0))
      .sort()
  } catch {
    return undefined
  }
}

function isInPanic(members: Membership | undefined, threshold: number): boolean {
  if (members === undefined) return false
  const { healthy, degraded, excluded, total } = members
  const considered = total - excluded
  const share = considered === 0 ? 0 : (100 * (healthy + degraded)) / considered
  return share < threshold && share * overprovisioning < 100
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
