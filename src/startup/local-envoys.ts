import { clusterHosts } from '../local/cluster-hosts.ts'
import { configDump } from '../local/envoy-admin.ts'
import type { LocalEnvoys } from '../local/local-envoys.ts'
import { openConnections } from '../local/open-connections.ts'
import { clustersInPanic } from '../local/panic.ts'
import { isInPanic } from '../model/panic.ts'
import { localEnvoyId } from './machine.ts'

interface Item {
  gateway: string
  id: string
  state: string
  replica?: string
}

/** The Envoy that weir runs for a gateway. */
export function localEnvoyOf(gateway: string): { gateway: string; id: string } {
  return { gateway, id: localEnvoyId(gateway) }
}

/**
 * What the Envoys that weir runs itself say of themselves; of all others `undefined`. `replica` is this one, as the fleet
 * names it.
 */
export function looksAt(localEnvoys: LocalEnvoys | undefined, replica: string) {
  const asked =
    <Answer>(look: (adminPort: number) => Promise<Answer>) =>
    async (item: Item) => {
      const isHere = item.state === 'connected' && item.replica === replica
      const isOwn = isHere && item.id === localEnvoyId(item.gateway)
      const own = isOwn ? localEnvoys?.get(item.gateway) : undefined
      return own === undefined ? undefined : look(own.adminPort())
    }
  return {
    panic: asked((adminPort) => clustersInPanic(adminPort, isInPanic)),
    connections: asked(openConnections),
    dump: asked(configDump),
    hosts: (item: Item, cluster: string) => asked((adminPort) => clusterHosts(adminPort, cluster))(item),
  }
}
