import type { ClusterSpec } from '../../model/cluster.ts'
import type { Listener } from '../../model/listener.ts'
import { each, type State } from '../../model/state.ts'

/** Who sends requests to a listener. */
export type Callers = 'clients' | 'gateways'

/** As the listener says itself, else by whether a cluster forwards to it (`forwardedTo`). */
export function callersOf(
  forwarded: ReadonlySet<string>,
  gateway: string,
  { name, callers }: Listener,
): Callers {
  return callers ?? (forwarded.has(`${gateway}/${name}`) ? 'gateways' : 'clients')
}

/** Listeners as `gateway/listener` that clusters forward to. */
export function forwardedTo(state: State): ReadonlySet<string> {
  const targets = new Set<string>()
  for (const { document } of each(state, 'Cluster')) {
    const { gateway } = document.spec as ClusterSpec
    if (gateway !== undefined) targets.add(`${gateway.name}/${gateway.listener}`)
  }
  return targets
}
