import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { formatHostPort, type HostPort, isWildcard } from '../settings/address.ts'
import type { Settings } from '../settings/settings.ts'

/** Where the admin API is, for a client of this machine. */
export function adminUrlOf({ adminAddr }: Settings, port: number): string {
  const host = isWildcard(adminAddr.host) ? '127.0.0.1' : adminAddr.host
  return `http://${formatHostPort({ host, port })}`
}

/** The rate-limit services as Envoys reach them: those that were named, else those of this machine, on these ports. */
export function rlsAddresses(
  { rlsAddr, rlsEnvoyAddrs }: Settings,
  ports: readonly number[],
): readonly HostPort[] {
  const host = isWildcard(rlsAddr.host) ? hostname() : rlsAddr.host
  return rlsEnvoyAddrs ?? ports.map((port) => ({ host, port }))
}

/** Where a service of this process is, for people: no other process has it at the same time. */
export function replicaName({ host }: HostPort, port: number): string {
  return `${formatHostPort({ host, port })} on ${hostname()}`
}

/** Who this process is where replicas agree which of them moves rollouts on. */
export function driverOf({ xdsAddr }: Settings, port: number): { own: { id: string; name: string } } {
  return {
    own: { id: randomUUID(), name: replicaName(xdsAddr, port) },
  }
}
