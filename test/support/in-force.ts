import type { Compiled } from '../../src/compile/compile.ts'
import { encodeResources } from '../../src/envoy-api/encoded.ts'
import { typeUrls } from '../../src/envoy-api/types.ts'

/** What an Envoy holds, or should hold: `type/name` -> version (the hash of the content), or addresses of endpoints. */
export type InForce = Record<string, string>

interface Endpoints {
  cluster_name: string
  endpoints?: {
    lb_endpoints?: { endpoint: { address: { socket_address: { address: string; port_value: number } } } }[]
  }[]
}

type Versioned = { version_info?: string; [resource: string]: unknown }

/** What a compile says that an Envoy should hold. */
export function expectedInForce(compiled: Compiled): InForce {
  const versions = [...encodeResources(compiled.resources)]
    .filter(([type]) => type !== typeUrls.endpoints)
    .flatMap(([type, byName]) =>
      [...byName.values()].map(({ name, version }) => [key(type, name), version] as const),
    )
  const endpoints = [...compiled.resources.get(typeUrls.endpoints)!.values()].map((each) =>
    addresses(each as never),
  )
  return sorted([...versions, ...endpoints])
}

/**
 * What Envoy says that it holds, by `/config_dump?include_eds`: the versions of the dynamic resources in force. The
 * one normalisation: endpoints, which the dump builds anew and without a version, are compared by their addresses, and
 * those of clusters that bring their own are left out.
 */
export function dumpedInForce(dump: { configs: { '@type': string; [section: string]: unknown }[] }): InForce {
  const section = (type: string, name: string) =>
    (dump.configs.find((config) => config['@type'].endsWith(`.${type}`))?.[name] ?? []) as Versioned[]
  const named = (item: Versioned, resource: string) => (item[resource] as { name: string }).name
  const clusters = section('ClustersConfigDump', 'dynamic_active_clusters')
  const brought = new Set(
    clusters
      .filter(({ cluster }) => (cluster as { type?: string }).type !== 'EDS')
      .map((item) => named(item, 'cluster')),
  )
  return sorted([
    ...clusters.map((item) => [key(typeUrls.cluster, named(item, 'cluster')), item.version_info!] as const),
    ...section('ListenersConfigDump', 'dynamic_listeners')
      .filter(({ active_state }) => active_state !== undefined)
      .map(
        (item) =>
          [
            key(typeUrls.listener, item.name as string),
            (item.active_state as Versioned).version_info!,
          ] as const,
      ),
    ...section('RoutesConfigDump', 'dynamic_route_configs').map(
      (item) => [key(typeUrls.route, named(item, 'route_config')), item.version_info!] as const,
    ),
    ...section('EndpointsConfigDump', 'dynamic_endpoint_configs')
      .map(({ endpoint_config }) => endpoint_config as Endpoints)
      .filter(({ cluster_name }) => !brought.has(cluster_name))
      .map(addresses),
  ])
}

function addresses({ cluster_name, endpoints = [] }: Endpoints): readonly [string, string] {
  const hosts = endpoints.flatMap(({ lb_endpoints = [] }) => lb_endpoints)
  const texts = hosts.map(({ endpoint }) => {
    const { address, port_value } = endpoint.address.socket_address
    return `${address}:${port_value}`
  })
  return [key(typeUrls.endpoints, cluster_name), texts.sort().join(' ')]
}

function key(type: string, name: string): string {
  return `${type.slice(type.lastIndexOf('.') + 1)}/${name}`
}

function sorted(entries: readonly (readonly [string, string])[]): InForce {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
}
