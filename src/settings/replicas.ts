import { startupError } from '../errors.ts'
import { type HostPort, isLoopback } from './address.ts'

const most = 16

/** How many rate-limit services run on this machine, of WEIR_REPLICAS. Throws a start-up error. */
export function replicasOf(values: Readonly<Record<string, string | undefined>>, up: boolean): number {
  const text = values.WEIR_REPLICAS?.trim() || '1'
  const replicas = /^[1-9][0-9]?$/.test(text) ? Number(text) : Number.NaN
  if (!(replicas <= most))
    throw startupError(`WEIR_REPLICAS=${text} is not a number from 1 to ${most}.`, 'Write it as 2.')
  if (replicas === 1 || up) return replicas
  throw startupError(
    '`weir serve` is one replica, whatever WEIR_REPLICAS says.',
    'Start it as often as you want replicas, or use `weir up`.',
  )
}

/** Those that this weir starts beside itself are on loopback. Throws a start-up error. */
export function refuseReplicasFar(settings: {
  replicas: number
  rlsAddr: HostPort
  rlsEnvoyAddrs: readonly HostPort[] | undefined
}): void {
  const { replicas, rlsAddr, rlsEnvoyAddrs } = settings
  if (replicas === 1 || (isLoopback(rlsAddr.host) && rlsEnvoyAddrs === undefined)) return
  throw startupError(
    `WEIR_REPLICAS=${replicas} is for the Envoys of this machine, which WEIR_RLS_ADDR and WEIR_RLS_ENVOY_ADDR say are elsewhere.`,
    'Leave both out, or start replicas by `weir serve` where the Envoys reach them.',
  )
}
