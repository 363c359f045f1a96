import type { Fleet } from './fleet.ts'
import type { Gateways } from './gateways.ts'
import type { RolloutNode } from './rollout.ts'
import type { Nack } from './session.ts'

/** An Envoy that left so lately may be on its way back, here or elsewhere: Envoy tries again every second. */
export const awayMs = 8_000

/** Whether an Envoy has all that it is to have. */
export interface Standing extends RolloutNode {
  /** `acked`: it has, but for what it refuses. `away`: its stream ended a moment ago. */
  readonly state: 'acked' | 'pending' | 'away'
  readonly nacks: readonly Nack[]
}

/** How each Envoy of a gateway is with the snapshot that is meant for it now. */
export function standing(fleet: Fleet, gateways: Gateways, gateway: string): Standing[] {
  const here = fleet.connected(gateway).map(({ id, labels, view }): Standing => {
    const { state, nacks } = view.delivery()
    const isCurrent = view.snapshot() === gateways.snapshotFor(gateway, { id, labels })
    return { id, labels, state: isCurrent && state !== 'pending' ? 'acked' : 'pending', nacks }
  })
  const ids = new Set(here.map(({ id }) => id))
  const away = fleet.away(gateway, awayMs).filter(({ id }) => !ids.has(id))
  return [...here, ...away.map(({ id, labels }): Standing => ({ id, labels, state: 'away', nacks: [] }))]
}
