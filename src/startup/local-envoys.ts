import type { LocalEnvoys } from '../local/local-envoys.ts'
import { clustersInPanic } from '../local/panic.ts'
import { localEnvoyId } from './machine.ts'

/** The Envoy that weir runs for a gateway. */
export function localEnvoyOf(gateway: string): { gateway: string; id: string } {
  return { gateway, id: localEnvoyId(gateway) }
}

/** Which clusters of an Envoy are in panic: known of those that weir runs; `replica` is this one, as the fleet names it. */
export function panicOf(envoys: LocalEnvoys | undefined, replica: string) {
  return async (item: { gateway: string; id: string; state: string; replica?: string }) => {
    const isHere = item.state === 'connected' && item.replica === replica
    const isOwn = isHere && item.id === localEnvoyId(item.gateway)
    const own = isOwn ? envoys?.get(item.gateway) : undefined
    return own === undefined ? undefined : clustersInPanic(own.adminPort())
  }
}
