import type { Resources } from '../../envoy-api/types.ts'
import { typeUrls } from '../../envoy-api/types.ts'
import type { PanicBounds } from '../../model/panic.ts'

/** What is written of a cluster that an Envoy does not tell. */
export interface ClusterFacts extends PanicBounds {
  /** Addresses with their ports, as Envoy writes them. */
  readonly draining: ReadonlySet<string>
}

interface ClusterMessage {
  readonly common_lb_config?: { readonly healthy_panic_threshold?: { readonly value?: number } }
  readonly load_assignment?: Assignment
}

interface Assignment {
  readonly policy?: { readonly overprovisioning_factor?: { readonly value?: number } }
  readonly endpoints?: readonly {
    readonly lb_endpoints?: readonly {
      readonly health_status?: string
      readonly endpoint?: { readonly address?: { readonly socket_address?: SocketAddress } }
    }[]
  }[]
}

interface SocketAddress {
  readonly address?: string
  readonly port_value?: number
}

/** By what a gateway's Envoys are served; nothing where they have no such cluster. */
export function factsOf(resources: Resources | undefined, name: string): ClusterFacts | undefined {
  const cluster = resources?.get(typeUrls.cluster)?.get(name) as ClusterMessage | undefined
  if (cluster === undefined) return undefined
  const assigned = resources?.get(typeUrls.endpoints)?.get(name) ?? cluster.load_assignment
  const { endpoints: places = [], policy } = (assigned ?? {}) as Assignment
  const drained = places
    .flatMap(({ lb_endpoints = [] }) => lb_endpoints)
    .filter(({ health_status }) => health_status === 'DRAINING')
    .flatMap(({ endpoint }) => endpoint?.address?.socket_address ?? [])
  return {
    panicThreshold: cluster.common_lb_config?.healthy_panic_threshold?.value ?? 0,
    overprovisioningFactor: policy?.overprovisioning_factor?.value,
    draining: new Set(drained.map(({ address = '', port_value }) => hostPort(address, port_value))),
  }
}

function hostPort(address: string, port = 0): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
