import type { Compiled } from '../../src/compile/compile.ts'
import { plainContent } from '../../src/control/drift/plain-content.ts'
import { encodeResources } from '../../src/envoy-api/encoded.ts'
import { type TypeUrl, typeUrls } from '../../src/envoy-api/types.ts'
import { inClear } from '../../src/secrets/in-clear.ts'

/**
 * What an Envoy holds, or should hold: `type/name` -> the version (the hash of the content) of a cluster or of routes,
 * the content of a listener, or the endpoints.
 */
export type InForce = Record<string, unknown>

interface Endpoints {
  cluster_name: string
  endpoints?: {
    priority?: number
    locality?: { region?: string; zone?: string; sub_zone?: string }
    lb_endpoints?: {
      endpoint: { address: { socket_address: { address: string; port_value: number } } }
      /** A message in what is compiled, a number in Envoy's JSON. */
      load_balancing_weight?: number | { value: number }
      health_status?: string
    }[]
  }[]
}

interface Cluster {
  name: string
  type?: string
  health_checks?: unknown[]
}

type Versioned = { version_info?: string; [resource: string]: unknown }

export interface ConfigDump {
  configs: { '@type': string; [section: string]: unknown }[]
}

/** What a compile says that an Envoy should hold. */
export function expectedInForce(compiled: Compiled): InForce {
  const versions = [...encodeResources(compiled.resources, inClear)]
    .filter(([type]) => type === typeUrls.cluster || type === typeUrls.route)
    .flatMap(([type, byName]) =>
      [...byName.values()].map(({ name, version }) => [key(type, name), version] as const),
    )
  const checked = checkedOf([...compiled.resources.get(typeUrls.cluster)!.values()] as never)
  const endpoints = [...compiled.resources.get(typeUrls.endpoints)!.values()].map((each) =>
    endpointsOf(each as never, checked),
  )
  const listeners = [...compiled.resources.get(typeUrls.listener)!].map(
    ([name, message]) => [key(typeUrls.listener, name), plainContent(message)] as const,
  )
  return sorted([...versions, ...listeners, ...endpoints])
}

/**
 * What Envoy says that it holds, by `/config_dump?include_eds`: the versions of the dynamic resources in force. The
 * one normalisation is of what Envoy gives no true version of. Endpoints, which the dump builds anew, are compared by
 * their addresses, weights, priorities, localities and whether they are used; the last not where Envoy finds it out
 * itself by checks; those of clusters that bring their own are left out. Listeners are compared by content, since one
 * whose filter chains are replaced in place goes on showing its old version.
 */
export function dumpedInForce(dump: ConfigDump): InForce {
  const listener = key(typeUrls.listener, '')
  const resources = held(dump).map(
    ({ key, version, content }) =>
      [
        key,
        key.startsWith(listener) ? plainContent({ ...(content as object), '@type': undefined }) : version,
      ] as const,
  )
  return sorted([...resources, ...heldEndpoints(dump)])
}

/**
 * The same with the content in place of the version, which over state-of-the-world xDS is that of a whole response: to
 * be compared with what an Envoy holds that had it over delta.
 */
export function dumpedContent(dump: ConfigDump): InForce {
  return Object.fromEntries([
    ...held(dump).map(({ key, content }) => [key, content] as const),
    ...heldEndpoints(dump),
  ])
}

interface Held {
  key: string
  version: string
  content: unknown
}

function held(dump: ConfigDump): Held[] {
  const take = (type: TypeUrl, field: string, items: readonly Versioned[]): Held[] =>
    items.map((item) => {
      const content = item[field] as { name: string }
      return { key: key(type, content.name), version: item.version_info!, content }
    })
  const listeners = sectionOf(dump, 'ListenersConfigDump', 'dynamic_listeners')
  return [
    ...take(typeUrls.cluster, 'cluster', sectionOf(dump, 'ClustersConfigDump', 'dynamic_active_clusters')),
    ...take(
      typeUrls.listener,
      'listener',
      listeners.flatMap(({ active_state }) =>
        active_state === undefined ? [] : [active_state as Versioned],
      ),
    ),
    ...take(typeUrls.route, 'route_config', sectionOf(dump, 'RoutesConfigDump', 'dynamic_route_configs')),
  ]
}

function heldEndpoints(dump: ConfigDump): (readonly [string, string[]])[] {
  const clusters = sectionOf(dump, 'ClustersConfigDump', 'dynamic_active_clusters')
  const messages = clusters.map(({ cluster }) => cluster as Cluster)
  const brought = new Set(messages.filter(({ type }) => type !== 'EDS').map(({ name }) => name))
  const checked = checkedOf(messages)
  return sectionOf(dump, 'EndpointsConfigDump', 'dynamic_endpoint_configs')
    .map(({ endpoint_config }) => endpoint_config as Endpoints)
    .filter(({ cluster_name }) => !brought.has(cluster_name))
    .map((each) => endpointsOf(each, checked))
}

/** Whether Envoy is through with what it was given: nothing warms up, and nothing that was replaced is still there. */
export function isAtRest(dump: ConfigDump): boolean {
  const listeners = sectionOf(dump, 'ListenersConfigDump', 'dynamic_listeners')
  return (
    sectionOf(dump, 'ClustersConfigDump', 'dynamic_warming_clusters').length === 0 &&
    listeners.every(
      ({ warming_state, draining_state }) => warming_state === undefined && draining_state === undefined,
    )
  )
}

function sectionOf(dump: ConfigDump, type: string, name: string): Versioned[] {
  return (dump.configs.find((config) => config['@type'].endsWith(`.${type}`))?.[name] ?? []) as Versioned[]
}

function checkedOf(clusters: readonly Cluster[]): ReadonlySet<string> {
  return new Set(clusters.filter((each) => (each.health_checks ?? []).length > 0).map(({ name }) => name))
}

function endpointsOf(
  { cluster_name, endpoints = [] }: Endpoints,
  checked: ReadonlySet<string>,
): readonly [string, string[]] {
  const texts = endpoints.flatMap(({ priority = 0, locality = {}, lb_endpoints = [] }) =>
    lb_endpoints.map(({ endpoint, load_balancing_weight: weight = 1, health_status = 'HEALTHY' }) => {
      const { address, port_value } = endpoint.address.socket_address
      const place = [locality.region, locality.zone, locality.sub_zone].map((part) => part ?? '').join('/')
      const share = `weight ${typeof weight === 'number' ? weight : weight.value}`
      // What is drained counts as unhealthy.
      const used = checked.has(cluster_name) ? 'as checked' : health_status === 'HEALTHY' ? 'used' : 'unused'
      return `${address}:${port_value} ${share} priority ${priority} in ${place} ${used}`
    }),
  )
  return [key(typeUrls.endpoints, cluster_name), texts.sort()]
}

function key(type: string, name: string): string {
  return `${type.slice(type.lastIndexOf('.') + 1)}/${name}`
}

function sorted(entries: readonly (readonly [string, unknown])[]): InForce {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
}
