import { patchedMap } from '../../envoy-api/patched-map.ts'
import type { Message } from '../../envoy-api/types.ts'
import { find, type State } from '../../model/state.ts'
import type { Live } from '../live.ts'
import type { Parts } from '../parts.ts'
import { areSame } from '../remembered.ts'
import { type WrittenCluster, writtenCluster } from './written-cluster.ts'

/** The clusters of a gateway that are written, by name; those that the state does not have are not in it. */
export interface WrittenClusters {
  readonly names: readonly string[]
  readonly written: ReadonlyMap<string, WrittenCluster>
  /** As Envoy gets them, those that nobody wrote among them. */
  readonly clusters: ReadonlyMap<string, Message>
  readonly endpoints: ReadonlyMap<string, Message>
  /** Names of the secrets that they ask for, each once. */
  readonly secrets: readonly string[]
}

const prefix = 'cluster/'

/**
 * With `own`, those that nobody wrote. `before` are the clusters of the compile before, of which the very same are served
 * again as far as they are the same.
 */
export function writtenClusters(
  names: readonly string[],
  own: ReadonlyMap<string, Message>,
  before: WrittenClusters | undefined,
  parts: Parts,
  live: Live,
): WrittenClusters {
  parts.keep(prefix, names)
  const one = (name: string) => parts.of(prefix + name, [], (state) => clusterOf(state, name, live))
  if (before?.names !== names) return gathered(names, own, one)
  const stale = parts.staleBelow(prefix)
  if (stale.length === 0) return before
  const changes = stale.map((name) => ({ name, old: before.written.get(name), now: one(name) }))
  return changes.every(isInPlace) ? patched(before, changes) : gathered(names, own, one)
}

function clusterOf(state: State, name: string, live: Live): WrittenCluster | undefined {
  const row = find(state, 'Cluster', name)
  return row === undefined ? undefined : writtenCluster(row.document, state, live)
}

interface Change {
  name: string
  old: WrittenCluster | undefined
  now: WrittenCluster | undefined
}

/** It is there as it was, with endpoints of its own or without, and asks for the same secrets. */
function isInPlace({ old, now }: Change): boolean {
  if (old === undefined || now === undefined) return false
  const hasEndpoints = (cluster: WrittenCluster) => cluster.messages.endpoints !== undefined
  return hasEndpoints(old) === hasEndpoints(now) && areSame(old.secrets, now.secrets)
}

function patched(before: WrittenClusters, changes: readonly Change[]): WrittenClusters {
  const now = changes.map((change) => [change.name, change.now!] as const)
  const endpoints = now.flatMap(([name, { messages }]) =>
    messages.endpoints === undefined ? [] : [[name, messages.endpoints] as const],
  )
  return {
    ...before,
    written: patchedMap(before.written, now),
    clusters: patchedMap(
      before.clusters,
      now.map(([name, { messages }]) => [name, messages.cluster] as const),
    ),
    endpoints: patchedMap(before.endpoints, endpoints),
  }
}

function gathered(
  names: readonly string[],
  own: ReadonlyMap<string, Message>,
  one: (name: string) => WrittenCluster | undefined,
): WrittenClusters {
  const written = new Map<string, WrittenCluster>()
  const clusters = new Map<string, Message>()
  const endpoints = new Map<string, Message>()
  for (const name of names) {
    const cluster = one(name)
    if (cluster === undefined) continue
    written.set(name, cluster)
    clusters.set(name, cluster.messages.cluster)
    if (cluster.messages.endpoints !== undefined) endpoints.set(name, cluster.messages.endpoints)
  }
  for (const [name, cluster] of own) clusters.set(name, cluster)
  const secrets = [...new Set([...written.values()].flatMap(({ secrets }) => secrets))]
  return { names, written, clusters, endpoints, secrets }
}
