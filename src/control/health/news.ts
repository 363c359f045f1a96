import { isInPanic } from '../../model/panic.ts'
import type { ClusterFacts } from './facts.ts'
import { type Heard, staleMs } from './heard.ts'

/** `down`: an Envoy has no healthy endpoint; `panic`: it sends requests to failing ones, too. */
export type Ailing = 'panic' | 'down'

/** A cluster came to be worse at a gateway, or is well again. */
export interface HealthNews {
  readonly gateway: string
  readonly cluster: string
  readonly state: Ailing | 'recovered'
  /** By whose word. */
  readonly id: string
  readonly healthy: number
  readonly total: number
}

/**
 * Notices when a cluster falls ill at a gateway and when it is well again, once for all Envoys of the gateway: by the first
 * that says so, and by the last.
 */
export class HealthTurns {
  /** By gateway and cluster the Envoys that see it ill, with when they last said so; no others are kept. */
  readonly #ill = new Map<string, Map<string, { ailing: Ailing; at: number }>>()

  /** @param facts asked of clusters alone that have an endpoint that is not healthy */
  turn(before: Heard | undefined, now: Heard, facts: () => ClusterFacts | undefined): HealthNews | undefined {
    const { gateway, cluster, id, gauges } = now
    const { membership_healthy: healthy = 0, membership_total: total = 0 } = gauges
    const key = JSON.stringify([gateway, cluster])
    const ill = this.#ill.get(key)
    const isWell = healthy === total && total > 0
    if (isWell && ill === undefined) return undefined
    const known = isWell ? undefined : facts()
    // A cluster that is new has no endpoint yet, or none whose first check is through.
    const ailing = known === undefined || before === undefined ? undefined : ailingOf(now, known)
    const worst = worstIn(ill)
    const those = ill ?? new Map<string, { ailing: Ailing; at: number }>()
    if (ailing === undefined) those.delete(id)
    else those.set(id, { ailing, at: now.at })
    if (those.size === 0) this.#ill.delete(key)
    else this.#ill.set(key, those)
    const state = worstIn(those)
    return state === worst ? undefined : { gateway, cluster, id, state: state ?? 'recovered', healthy, total }
  }

  /** Forgets what Envoys said that are silent: whether it is so any more nobody knows. */
  forget(now: number): void {
    for (const [key, ill] of this.#ill) {
      for (const [id, { at }] of ill) if (at < now - staleMs) ill.delete(id)
      if (ill.size === 0) this.#ill.delete(key)
    }
  }
}

function worstIn(ill: ReadonlyMap<string, { ailing: Ailing }> | undefined): Ailing | undefined {
  const found = [...(ill?.values() ?? [])].map(({ ailing }) => ailing)
  return found.includes('down') ? 'down' : found[0]
}

function ailingOf({ gauges }: Heard, facts: ClusterFacts): Ailing | undefined {
  const hosts = {
    total: gauges.membership_total ?? 0,
    healthy: gauges.membership_healthy ?? 0,
    degraded: gauges.membership_degraded ?? 0,
    excluded: gauges.membership_excluded ?? 0,
  }
  if (hosts.total > 0 && isInPanic(hosts, facts)) return 'panic'
  return hosts.healthy + hosts.degraded === 0 ? 'down' : undefined
}
