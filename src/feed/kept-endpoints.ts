import { ClusterSpec, type EffectiveCluster } from '../model/cluster.ts'
import type { Document } from '../model/document.ts'
import { effective } from '../model/effective.ts'
import type { EffectiveEndpoint } from '../model/endpoint.ts'
import {
  type EmptiedCluster,
  emptiedClusters,
  type KeptEndpoints,
  type LastEndpoints,
} from '../model/kept-endpoints.ts'
import type { State } from '../model/state.ts'
import type { Observe } from '../observe.ts'

interface Entry {
  /** The form of the cluster of which this is known. */
  readonly document: Document
  readonly endpoints: readonly EffectiveEndpoint[]
  /** Monotonic milliseconds. */
  readonly until: number
}

export interface EndpointKeeper {
  /** What a state keeps; resolves with the very same value where nothing of it differs. */
  of(state: State): Promise<KeptEndpoints>
  close(): void
}

/**
 * Knows the last endpoints of clusters whose list became empty, until their time of grace is over. They come from the
 * history, so that every replica keeps the same ones until the same time, one that was started meanwhile included.
 */
export function createEndpointKeeper(options: {
  read(names: readonly string[]): Promise<readonly LastEndpoints[]>
  /** The time of some is over. */
  onExpired(kept: KeptEndpoints): void
  observe: Observe
}): EndpointKeeper {
  const { read, onExpired, observe } = options
  let entries: ReadonlyMap<string, Entry> = new Map()
  let value: KeptEndpoints = new Map()
  let timer: NodeJS.Timeout | undefined

  async function entriesOf(emptied: readonly EmptiedCluster[]): Promise<Map<string, Entry>> {
    const fresh = emptied.filter(({ name, document }) => entries.get(name)?.document !== document)
    const last = fresh.length === 0 ? [] : await read(fresh.map(({ name }) => name))
    const now = performance.now()
    const found = new Map(last.map((each) => [each.name, each]))
    return new Map(
      emptied.map(({ name, document, graceMs }) => {
        const known = entries.get(name)
        if (known?.document === document) return [name, known]
        const had = found.get(name)
        const endpoints = had === undefined ? [] : endpointsOf(had)
        const until = had === undefined ? now : now + graceMs - had.emptyForMs
        return [name, { document, endpoints, until }]
      }),
    )
  }

  /** Takes over what counts now; answers whether that differs. */
  function revalue(): boolean {
    const now = performance.now()
    const counted = [...entries].filter(([, { endpoints, until }]) => endpoints.length > 0 && until > now)
    const names = new Set(counted.map(([name]) => name))
    for (const [cluster, endpoints] of value) {
      if (!names.has(cluster)) observe({ event: 'endpoints_let_go', cluster, endpoints: endpoints.length })
    }
    for (const [cluster, { endpoints, until }] of counted) {
      const milliseconds = Math.round(until - now)
      if (!value.has(cluster))
        observe({ event: 'endpoints_kept', cluster, endpoints: endpoints.length, milliseconds })
    }
    const isSame =
      counted.length === value.size && counted.every(([name, each]) => value.get(name) === each.endpoints)
    if (!isSame) value = new Map(counted.map(([name, { endpoints }]) => [name, endpoints]))
    clearTimeout(timer)
    const next = Math.min(...counted.map(([, { until }]) => until))
    if (counted.length > 0) timer = setTimeout(expire, Math.ceil(next - now))
    return !isSame
  }

  function expire(): void {
    if (revalue()) onExpired(value)
  }

  return {
    async of(state) {
      const emptied = emptiedClusters(state)
      if (emptied.length + entries.size > 0) {
        entries = await entriesOf(emptied)
        revalue()
      }
      return value
    },
    close: () => clearTimeout(timer),
  }
}

function endpointsOf({ spec }: LastEndpoints): readonly EffectiveEndpoint[] {
  return effective<EffectiveCluster>(ClusterSpec, spec).endpoints ?? []
}
