import { askAdmin } from './envoy-admin.ts'

interface Clusters {
  readonly cluster_statuses?: readonly { readonly name: string; readonly host_statuses?: readonly Host[] }[]
}

interface Host {
  readonly address?: { readonly socket_address?: { readonly address: string; readonly port_value: number } }
  readonly health_status?: {
    readonly failed_active_health_check?: boolean
    readonly failed_outlier_check?: boolean
    readonly failed_active_degraded_check?: boolean
    readonly pending_active_hc?: boolean
    readonly excluded_via_immediate_hc_fail?: boolean
    readonly eds_health_status?: string
  }
}

/**
 * The state of each endpoint of a cluster as an Envoy has it now, by address (Envoy docs: operations/admin, `GET /clusters`).
 * `undefined` where the admin interface does not answer, or has no such cluster.
 */
export async function clusterHosts(
  adminPort: number,
  cluster: string,
): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const { cluster_statuses = [] } = JSON.parse(await askAdmin(adminPort, pathOf(cluster))) as Clusters
    const hosts = cluster_statuses.find(({ name }) => name === cluster)?.host_statuses ?? []
    return new Map(
      hosts.flatMap((host): [string, string][] => {
        const socket = host.address?.socket_address
        return socket === undefined ? [] : [[hostPort(socket), stateOf(host)]]
      }),
    )
  } catch {
    return undefined
  }
}

/** Without the filter ten thousand clusters would be 60 MiB. */
function pathOf(cluster: string): string {
  const filter = `^${cluster.replaceAll('.', '\\.')}$`
  return `/clusters?format=json&filter=${encodeURIComponent(filter)}`
}

function stateOf({ health_status: flags = {} }: Host): string {
  if (flags.eds_health_status === 'DRAINING') return 'draining'
  if (flags.pending_active_hc === true || flags.excluded_via_immediate_hc_fail === true) return 'excluded'
  const [failed, ejected] = [flags.failed_active_health_check === true, flags.failed_outlier_check === true]
  if (failed && ejected) return 'failed_and_ejected'
  if (failed) return 'failed_health_check'
  if (ejected) return 'ejected'
  if (flags.failed_active_degraded_check === true || flags.eds_health_status === 'DEGRADED') return 'degraded'
  const eds = flags.eds_health_status
  return eds === undefined || eds === 'HEALTHY' || eds === 'UNKNOWN' ? 'healthy' : 'unhealthy'
}

function hostPort({ address, port_value }: { address: string; port_value: number }): string {
  return address.includes(':') ? `[${address}]:${port_value}` : `${address}:${port_value}`
}
