import type { ClusterSpec } from '../../model/cluster.ts'
import type { Listener } from '../../model/listener.ts'
import { all, type State } from '../../model/state.ts'

/** Who sends requests to a listener, as it says itself, else by whether a cluster forwards to it. */
export function callersOf(
  state: State,
  gateway: string,
  { name, callers }: Listener,
): 'clients' | 'gateways' {
  return callers ?? (forwardedTo(state).has(`${gateway}/${name}`) ? 'gateways' : 'clients')
}

/** Listeners as `gateway/listener` that clusters forward to. */
function forwardedTo(state: State): ReadonlySet<string> {
  const found = known.get(state)
  if (found !== undefined) return found
  const targets = all(state, 'Cluster').flatMap(({ document }) => {
    const { gateway } = document.spec as ClusterSpec
    return gateway === undefined ? [] : [`${gateway.name}/${gateway.listener}`]
  })
  const made = new Set(targets)
  known.set(state, made)
  return made
}

/** Each gateway of a state is compiled by itself. */
const known = new WeakMap<State, ReadonlySet<string>>()
