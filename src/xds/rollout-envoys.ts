import type { Fleet } from './fleet.ts'
import type { Gateways } from './gateways.ts'
import type { RolloutNode } from './rollout.ts'
import type { Nack } from './session.ts'

/** An Envoy that left so lately may be on its way back, here or elsewhere: Envoy tries again every second. */
export const awayMs = 8_000

/** An Envoy, and whether it has all that it is to have. */
export interface RolloutEnvoy extends RolloutNode {
  /** `acked`: it has, but for what it refuses. `away`: its stream ended a moment ago. */
  state(): 'acked' | 'pending' | 'away'
  /** What it refuses. */
  nacks(): readonly Nack[]
}

/** How each Envoy of a gateway whose stream is here is with the snapshot that is meant for it now. */
export function rolloutEnvoys(fleet: Fleet, gateways: Gateways, gateway: string): RolloutEnvoy[] {
  const here = fleet
    .connected(gateway)
    .filter(({ isElsewhere }) => !isElsewhere)
    .map(({ id, labels, view }): RolloutEnvoy => {
      const isCurrent = () => view.snapshot?.() === gateways.snapshotFor(gateway, { id, labels })
      return {
        ...{ id, labels, nacks: () => view.delivery().nacks },
        state: () => (view.delivery().state !== 'pending' && isCurrent() ? 'acked' : 'pending'),
      }
    })
  const ids = new Set(here.map(({ id }) => id))
  const away = fleet.away(gateway, awayMs).filter(({ id }) => !ids.has(id))
  return [...here, ...away.map((node): RolloutEnvoy => ({ ...node, state: () => 'away', nacks: () => [] }))]
}
