/** What a cluster has against panic, in percent. */
export interface PanicBounds {
  readonly panicThreshold: number
  /** A share of healthy endpoints counts as so much of itself; Envoy's own where nothing is written. */
  readonly overprovisioningFactor: number | undefined
}

/** Envoy's own (Envoy docs: ClusterLoadAssignment.Policy). */
const usualOverprovisioningFactor = 140

/**
 * Whether Envoy sends requests to failing endpoints, too, by the share of healthy ones over all priorities. What the factor
 * makes enough for all requests is no panic.
 */
export function isInPanic(
  hosts: { total: number; healthy: number; degraded: number; excluded: number },
  { panicThreshold, overprovisioningFactor = usualOverprovisioningFactor }: PanicBounds,
): boolean {
  const considered = hosts.total - hosts.excluded
  const share = considered <= 0 ? 0 : (100 * (hosts.healthy + hosts.degraded)) / considered
  return share < panicThreshold && share * overprovisioningFactor < 100 * 100
}
