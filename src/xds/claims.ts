import type { Opening, SubscriptionOptions } from './exchange.ts'
import type { GivenUp } from './given-up.ts'
import { asked, claimed, uncertain } from './held.ts'
import type { Interest } from './interest.ts'
import type { Ledger } from './ledger.ts'
import type { ResourcesByName } from './snapshot.ts'

export interface Claimed
  extends Pick<SubscriptionOptions, 'type' | 'memory' | 'claimsByType' | 'claimsSurely'> {
  readonly ledger: Ledger
  readonly interest: Interest
  readonly givenUp: GivenUp
  /** What the client is to have. */
  readonly resources: ResourcesByName
}

/**
 * Notes what a client says that it has from an earlier stream, and what that stream left in doubt. With `anew`, all is
 * sent again whatever it brings.
 */
export function takeClaims({ held }: Opening, anew: boolean, claimant: Claimed): void {
  const { type, memory, claimsByType, claimsSurely, ledger, interest, givenUp, resources } = claimant
  for (const [name, claim] of held) {
    if (!interest.wants(name)) {
      // It gave this up, and the request that said so may be lost.
      if (claimsByType) givenUp.note(name)
      continue
    }
    const current = resources.get(name)
    const isCurrent = current !== undefined && current.version === claimed(claim)
    ledger.held.bring(name, isCurrent ? current : memory.recent.known(name, claim))
    if (anew) ledger.held.set(name, asked)
    if (current === undefined) interest.gone.add(name)
    ledger.mark(name)
  }
  for (const [name, version] of memory.doubts(type)) {
    const told = held.has(name) && (version !== undefined || claimsSurely)
    const waits = interest.names.has(name) && (anew || !told)
    if (claimed(held.get(name)) === version) memory.settle(type, name)
    else ledger.learn(name, waits ? asked : uncertain)
  }
}
