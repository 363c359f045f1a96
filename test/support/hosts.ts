import type { TestEnvoy } from './envoy.ts'

interface HostStatus {
  address: { socket_address: { port_value: number } }
  /** Flags are there while they are true. */
  health_status: {
    eds_health_status: string
    failed_active_health_check?: boolean
    failed_outlier_check?: boolean
    pending_active_hc?: boolean
  }
}

/** What an Envoy thinks of a cluster's endpoints, by port: `/clusters` of its admin interface. */
export async function hostsOf(
  envoy: Pick<TestEnvoy, 'url'>,
  cluster: string,
): Promise<Map<number, HostStatus['health_status']>> {
  const response = await fetch(`${envoy.url}/clusters?format=json`)
  const { cluster_statuses } = (await response.json()) as {
    cluster_statuses: { name: string; host_statuses?: HostStatus[] }[]
  }
  const hosts = cluster_statuses.find(({ name }) => name === cluster)?.host_statuses ?? []
  return new Map(
    hosts.map(({ address, health_status }) => [address.socket_address.port_value, health_status]),
  )
}
