import { configDump } from '../local/envoy-admin.ts'
import type { LocalEnvoys } from '../local/local-envoys.ts'
import { openConnections } from '../local/open-connections.ts'
import { clustersInPanic } from '../local/panic.ts'
import { localEnvoyId } from './machine.ts'

interface Item {
  gateway: string
  id: string
  state: string
}

/** What the Envoys that weir runs itself say of themselves; of all others `undefined`. */
export function looksAt(localEnvoys: LocalEnvoys | undefined) {
  const asked =
    <Answer>(look: (adminPort: number) => Promise<Answer>) =>
    async ({ gateway, id, state }: Item) => {
      const isOwn = state === 'connected' && id === localEnvoyId(gateway)
      const own = isOwn ? localEnvoys?.get(gateway) : undefined
      return own === undefined ? undefined : look(own.adminPort())
    }
  return { panic: asked(clustersInPanic), connections: asked(openConnections), dump: asked(configDump) }
}
