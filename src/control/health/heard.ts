import { addedCounts, type ClusterStats, type Counts, type Gauges } from '../../xds/cluster-stats.ts'
import { type Why, whyLeftAlone } from './why.ts'

/** Whose word it is. */
export interface Teller {
  readonly gateway: string
  readonly id: string
}

/** What an Envoy said last of one cluster. Times are monotonic milliseconds. */
export interface Heard extends Teller {
  readonly cluster: string
  readonly at: number
  /** Since when `counts` are. */
  readonly since: number
  readonly gauges: Gauges
  readonly counts: Counts
  /** By address; nothing where the Envoy does not tell of endpoints. */
  readonly endpoints: ReadonlyMap<string, EndpointWord> | undefined
}

/** Whether an endpoint gets requests, and if not why, as far as that is known. */
export type EndpointWord = 'healthy' | Why

/** Of one Envoy. */
interface Voice {
  readonly teller: Teller
  at: number
  readonly clusters: Map<string, Heard>
}

/** In number. */
export interface HeardBounds {
  readonly envoys: number
  /** Of all Envoys. */
  readonly clusters: number
  readonly endpoints: number
}

/**
 * Bounds of what is kept: some 300 bytes for each cluster of each Envoy, and 60 for an endpoint of it. Beyond them what is new
 * is passed over, as though it had not been said, and counted.
 */
export const heardBounds: HeardBounds = { envoys: 10_000, clusters: 100_000, endpoints: 500_000 }

/** An Envoy that no replica heard for so long is silent: three flushes of 2 s, and what they are late. Milliseconds. */
export const silentMs = 7_000
/** Replicas hear an Envoy in turns: what one of them did not hear for so long it does not count as true any more. */
export const staleMs = 20_000
/** After so long it is as though it had said nothing. */
const forgetMs = 10 * 60_000

/** What Envoys told this replica of their clusters, the newest of each. `now` is in monotonic milliseconds. */
export class HeardHealth {
  readonly #voices = new Map<string, Voice>()
  readonly #bounds: HeardBounds
  #clusters = 0
  #endpoints = 0
  /** Clusters of Envoys that were passed over, as often as they were. */
  passedOver = 0

  constructor(bounds: HeardBounds = heardBounds) {
    this.#bounds = bounds
  }

  /** Answers with what was said before of each cluster, where anything was, and what is now. */
  hear(teller: Teller, told: ReadonlyMap<string, ClusterStats>, now: number): [Heard | undefined, Heard][] {
    if (told.size === 0) return []
    const voice = this.#voiceOf(teller, now)
    if (voice === undefined) return []
    const changes = [...told].flatMap(([cluster, stats]): [Heard | undefined, Heard][] => {
      const before = voice.clusters.get(cluster)
      const after = this.#note(voice, cluster, stats, now)
      return after === undefined ? [] : [[before, after]]
    })
    // What it tells of no more it does not have any more.
    for (const [cluster, { at }] of voice.clusters) if (at < now - staleMs) this.#drop(voice, cluster)
    return changes
  }

  /** What is known of a cluster, or of all. */
  of(cluster?: string): Heard[] {
    const voices = [...this.#voices.values()]
    if (cluster === undefined) return voices.flatMap(({ clusters }) => [...clusters.values()])
    return voices.flatMap(({ clusters }) => clusters.get(cluster) ?? [])
  }

  /** When each Envoy was heard last. */
  heardAt(): (Teller & { readonly at: number })[] {
    return [...this.#voices.values()].map(({ teller, at }) => ({ ...teller, at }))
  }

  #voiceOf(teller: Teller, now: number): Voice | undefined {
    this.#forgetOld(now)
    const key = keyOf(teller)
    const known = this.#voices.get(key)
    if (known === undefined && this.#voices.size >= this.#bounds.envoys) {
      this.passedOver++
      return undefined
    }
    const voice = known ?? {
      teller: { gateway: teller.gateway, id: teller.id },
      at: now,
      clusters: new Map(),
    }
    voice.at = now
    // Those who spoke last come last.
    this.#voices.delete(key)
    this.#voices.set(key, voice)
    return voice
  }

  #forgetOld(now: number): void {
    for (const [key, voice] of this.#voices) {
      if (voice.at > now - forgetMs) return
      for (const cluster of [...voice.clusters.keys()]) this.#drop(voice, cluster)
      this.#voices.delete(key)
    }
  }

  #note(voice: Voice, cluster: string, stats: ClusterStats, now: number): Heard | undefined {
    const before = voice.clusters.get(cluster)
    const after = added(voice.teller, cluster, before, stats, now)
    const more = (after.endpoints?.size ?? 0) - (before?.endpoints?.size ?? 0)
    const isNew = before === undefined
    if (
      (isNew && this.#clusters >= this.#bounds.clusters) ||
      this.#endpoints + more > this.#bounds.endpoints
    ) {
      this.passedOver++
      return undefined
    }
    if (isNew) this.#clusters++
    this.#endpoints += more
    voice.clusters.set(cluster, after)
    return after
  }

  #drop(voice: Voice, cluster: string): void {
    const dropped = voice.clusters.get(cluster)
    if (dropped === undefined) return
    voice.clusters.delete(cluster)
    this.#clusters--
    this.#endpoints -= dropped.endpoints?.size ?? 0
  }
}

function added(
  { gateway, id }: Teller,
  cluster: string,
  before: Heard | undefined,
  stats: ClusterStats,
  now: number,
): Heard {
  const counts = addedCounts(before?.counts ?? {}, stats.counts)
  // A large message comes in parts, of which one has all that Envoy says of each cluster by itself.
  const isWhole = stats.gauges.membership_total !== undefined
  const gauges = isWhole ? stats.gauges : { ...before?.gauges, ...stats.gauges }
  const endpoints = stats.endpoints.size === 0 ? undefined : whyLeftAlone(gauges, stats.endpoints, before)
  return { gateway, id, cluster, at: now, since: before?.since ?? now, gauges, counts, endpoints }
}

function keyOf({ gateway, id }: Teller): string {
  return JSON.stringify([gateway, id])
}
